// Command demo tells the story of a roadwarrior whose tunnel is made, broken,
// repaired and taken away by ipsecif, on a kernel of its own and with real IKE
// daemons. It runs inside the lab; `make demo` starts it.
package main

import (
	"fmt"
	"os"
)

// ipsecConf is the file of both ends, for libreswan and ipsecif alike.
const ipsecConf = `config setup
	ipsec-interface-managed=no   # pluto keeps its hands off the interface
conn road
	left=192.1.3.209
	leftsubnet=192.0.2.101/32    # the address of road inside the tunnel
	leftsourceip=192.0.2.101
	leftupdown=%disabled         # pluto leaves the routes to ipsecif
	right=192.1.2.23
	rightsubnet=0.0.0.0/0        # everything is behind east
	rightupdown=%disabled
	authby=secret
	ipsec-interface=1            # ipsec1, an xfrm interface with if_id 1
	auto=add
`

const drawing = `
  road      192.1.3.209 ──┐                       ┌── 192.1.2.23     east, the VPN gateway
                          ├── LAN ── nic, router ─┤
  neighbour 192.1.3.99  ──┘                       └── 198.51.100.10  inet, a server on the internet
`

const nextSteps = `
Next, on a gateway of your own with libreswan 5.2 or later: make install, then in /etc/ipsec.conf
  "config setup": ipsec-interface-managed=no; each conn: ipsec-interface=1, leftupdown=%disabled, rightupdown=%disabled
  ipsecif check; ipsecif plan CONN; ipsecif up CONN; ipsec up CONN           (ipsecif down CONN takes all of it back)
A conn to 0.0.0.0/0 also catches the answers to your ssh session, unless you come from the gateway's own LAN.
`

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: this did not turn out as told: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	s, err := newStage("road", "east", "inet", "neighbour")
	if err != nil {
		return err
	}
	story(s)
	return s.close()
}

// story runs from top to bottom. When something does not turn out as told, the
// stage keeps the error and does nothing of what follows.
func story(s *stage) {
	s.printf("A laptop on the road, its VPN, and ipsecif. Nothing here is canned: %s.\n%s", s.versions(), drawing)

	before := s.snapshot("road")
	s.tell("Road wants to send all but its LAN's traffic through east; both have this ipsec.conf, and a shared secret.")
	s.install("road", "/etc/ipsec.conf", ipsecConf, 0o644)
	s.install("east", "/etc/ipsec.conf", ipsecConf, 0o644)
	s.install("road", "/etc/ipsec.secrets", secrets, 0o600)
	s.install("east", "/etc/ipsec.secrets", secrets, 0o600)
	s.run("road", "cat /etc/ipsec.conf", "conn road")

	s.tell("`plan` prints what road needs, as commands of ip(8), and changes nothing (exit status 3 says: there is something to do).")
	s.exits(3, "road", "ipsecif plan road", "ip link add ipsec1 type xfrm if_id 1", "route add default dev ipsec1 table 50")

	s.tell("`up` does it and says so: rule 97 lets ESP and IKE out, 98 to 100 choose tunnel or LAN, and 101 stops all that has no tunnel.")
	s.run("road", "ipsecif up road", "[#] ip -4 rule add priority 97", "up on ipsec1 with if_id 1")
	s.tell("East needs less, out of the same file; and the router has to know that road's inner address is behind east.")
	s.run("east", "ipsecif up road", "up on ipsec1 with if_id 1")
	s.run("nic", "ip route add 192.0.2.101 via 192.1.2.23")

	s.tell("Pluto, the IKE daemon of libreswan, is started on both ends and agrees on keys.")
	s.startPluto("east")
	s.startPluto("road")
	s.run("road", "ipsec up road", "established Child SA")

	s.tell("Road reaches the internet; the wire of its LAN has seen ESP to and from east and nothing else.")
	s.listen("192.1.3")
	s.run("road", "ping -c 2 -i 0.2 198.51.100.10", "2 received")
	s.wire(onlyESP)

	s.tell("The neighbour on the LAN, say a printer, is reached directly, in the clear.")
	s.listen("192.1.3")
	s.run("road", "ping -q -c 1 192.1.3.99", "1 received")
	s.wire(onlyPings)

	s.tell("Somebody deletes the interface: the internet is out of reach, and not a packet leaves in the clear.")
	s.run("road", "ip link del ipsec1")
	s.listen("192.1.3")
	s.exits(2, "road", "ping -c 2 -i 0.2 198.51.100.10", "Network is unreachable")
	s.wire(nothing)

	s.tell("`status` compares the kernel with what should be there, and names what is missing.")
	s.exits(3, "road", "ipsecif status", "missing  ip link add ipsec1", "ok       ip -4 rule add priority 101")

	s.tell("`up` repairs just that; the keys are still there, so the tunnel works at once.")
	s.run("road", "ipsecif up road", "[#] ip link add ipsec1", "(6 changes)")
	s.listen("192.1.3")
	s.run("road", "ping -q -c 1 198.51.100.10", "1 received")
	s.wire(onlyESP)

	s.tell("Back home: pluto ends the tunnel and `down` takes away what `up` made.")
	s.run("road", "ipsec down road", "deleting IKE SA")
	s.run("road", "ipsecif down road", "road: down")
	s.run("road", "ip route")
	s.run("road", "ip rule")
	s.same(before, s.snapshot("road"))
	s.printf("%s", nextSteps)
}
