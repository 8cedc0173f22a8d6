package main

import (
	"fmt"
	"strings"
)

// adminsTable is a firewall of the administrator's.
const adminsTable = `add table inet filter
add chain inet filter input { type filter hook input priority filter; }
add chain inet filter forward { type filter hook forward priority filter; }
add chain inet filter output { type filter hook output priority filter; }
`

// charon is what strongSwan 6.0 says to its hook; PLUTO_VERB is added.
var charon = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"PLUTO_VERSION=1.1",
	"PLUTO_CONNECTION=net",
	"PLUTO_INTERFACE=eth0",
	"PLUTO_REQID=1",
	"PLUTO_PROTO=esp",
	"PLUTO_UNIQUEID=1",
	"PLUTO_ME=192.1.3.209",
	"PLUTO_MY_ID=road",
	"PLUTO_MY_CLIENT=192.0.5.0/24",
	"PLUTO_MY_PORT=0",
	"PLUTO_MY_PROTOCOL=0",
	"PLUTO_PEER=192.1.2.23",
	"PLUTO_PEER_ID=east",
	"PLUTO_PEER_CLIENT=192.0.2.0/24",
	"PLUTO_PEER_PORT=0",
	"PLUTO_PEER_PROTOCOL=0",
	"PLUTO_IF_ID_IN=1",
	"PLUTO_IF_ID_OUT=1",
}

// accept compares the hook that also has rules in nftables with strongSwan's
// script, which has nothing but rules. Our rules need an xfrm interface.
func (b *bench) accept() error {
	if !b.links {
		fmt.Println("accept rules: they need an interface")
		return nil
	}
	if err := b.road.host.WriteFile("/run/table", []byte(adminsTable), 0o600); err != nil {
		return err
	}
	if _, err := b.road.run(call{args: []string{"nft", "-f", "/run/table"}}); err != nil {
		return err
	}
	ways := []way{
		{name: "our accept rules", args: []string{b.ipsecif, "updown", "--accept", "inet/filter"}, made: []string{"192.0.2.0 . 192.0.5.0"}, took: lived{}},
		{name: "strongSwan's", args: []string{"/usr/lib/ipsec/_updown", "iptables"}, made: []string{"192.0.2.0/24", "-j ACCEPT"}, took: lived{}},
	}
	for range b.rounds {
		for _, w := range ways {
			for _, verb := range []string{"up-client", "down-client"} {
				p, err := b.road.run(call{w.args, append([]string{"PLUTO_VERB=" + verb}, charon...)})
				if err == nil {
					err = b.firewallHas(w, verb == "up-client")
				}
				if err != nil {
					return fmt.Errorf("%s: %s: %w", w.name, verb, err)
				}
				if w.args[0] == b.ipsecif {
					b.peak = max(b.peak, p.peak)
				}
				w.took[verb] = append(w.took[verb], p.took)
			}
		}
	}
	for _, verb := range []string{"up-client", "down-client"} {
		compared("with accept rules, "+verb, "strongSwan's _updown iptables", ways[0].took[verb], ways[1].took[verb])
	}
	_, err := b.road.run(call{args: []string{"nft", "flush", "ruleset"}})
	return err
}

// firewallHas checks that what one of the ways makes is in nftables, or is not.
func (b *bench) firewallHas(w way, want bool) error {
	list := []string{"nft", "list", "table", "inet", "filter"}
	if w.args[0] != b.ipsecif {
		list = []string{"iptables", "-S"}
	}
	p, err := b.road.run(call{args: list})
	if err != nil {
		return err
	}
	for _, text := range w.made {
		if strings.Contains(p.output, text) != want {
			return fmt.Errorf("%q in the firewall: %v, want %v:\n%s", text, !want, want, p.output)
		}
	}
	return nil
}
