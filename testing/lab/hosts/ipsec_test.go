package hosts_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// Long enough for every PRF, or pluto warns.
const psk = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// network makes a network that ends with the test.
func network(t *testing.T, names ...string) *hosts.Network {
	t.Helper()
	hosts.Require(t)
	n, err := hosts.New(t.TempDir(), names...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// plutoConf is the same text for both ends: pluto finds out which one it is.
const plutoConf = `config setup
	logtime=no

conn west-east
	left=192.1.2.45
	leftid=@west
	leftsubnet=192.0.1.0/24
	right=192.1.2.23
	rightid=@east
	rightsubnet=192.0.2.0/24
	authby=secret
	ikev2=insist
	ipsec-interface=yes
	auto=add
`

func startPluto(t *testing.T, h *hosts.Host, conf string) {
	t.Helper()
	must(t, h.WriteFile("/etc/ipsec.conf", []byte(conf), 0o644))
	must(t, h.WriteFile("/etc/ipsec.secrets", []byte(`: PSK "`+psk+"\"\n"), 0o600))
	must(t, h.StartPluto(t.Context()))
}

// swanctlConf is one end of the same tunnel for strongSwan, with an xfrm interface that has if_id 1.
func swanctlConf(me, peer, myID, peerID, myNet, peerNet string) string {
	return fmt.Sprintf(`connections {
	tunnel {
		version = 2
		local_addrs = %s
		remote_addrs = %s
		if_id_in = 1
		if_id_out = 1
		local { 
			auth = psk
			id = @%s
		}
		remote {
			auth = psk
			id = @%s
		}
		children {
			net {
				local_ts = %s
				remote_ts = %s
			}
		}
	}
}
secrets {
	ike {
		secret = %q
	}
}
`, me, peer, myID, peerID, myNet, peerNet, psk)
}

// startCharon starts charon and makes the xfrm interface and the route into it, which charon leaves to the admin.
func startCharon(t *testing.T, h *hosts.Host, conf, peerNet string) {
	t.Helper()
	must(t, h.WriteFile("/etc/swanctl/conf.d/tunnel.conf", []byte(conf), 0o600))
	must(t, h.WriteFile("/etc/strongswan.d/test.conf", []byte("charon {\n\tinstall_routes = no\n}\n"), 0o644))
	for _, args := range []string{"link add ipsec1 type xfrm if_id 1", "link set ipsec1 up", "route add " + peerNet + " dev ipsec1"} {
		_, _, err := h.Run(t.Context(), "ip", strings.Fields(args)...)
		must(t, err)
	}
	must(t, h.StartCharon(t.Context()))
	_, err := h.Swanctl(t.Context(), "--load-all")
	must(t, err)
}

// checkTunnel pings between the gateways' inside addresses and checks what crossed the wire between them: first with the tunnel, and then,
// as proof that the capture would notice, a ping between the outside addresses in the clear.
func checkTunnel(t *testing.T, n *hosts.Network) {
	t.Helper()
	west, east := n.Host("west"), n.Host("east")
	c, err := n.Capture("192.1.2")
	must(t, err)
	pingErr := west.Ping(t.Context(), addr("192.0.1.254"), addr("192.0.2.254"))
	packets, err := c.Stop()
	must(t, err)
	must(t, pingErr)
	if err := packets.OnlyESPAndIKE(west, east); err != nil {
		t.Errorf("with the tunnel up: %v", err)
	}
	if got := packets.Count(hosts.ESP); got != 2 {
		t.Errorf("%d ESP packets for one echo and its answer, want 2:\n%s", got, packets)
	}

	c, err = n.Capture("192.1.2")
	must(t, err)
	pingErr = west.Ping(t.Context(), addr("192.1.2.45"), addr("192.1.2.23"))
	packets, err = c.Stop()
	must(t, err)
	must(t, pingErr)
	err = packets.OnlyESPAndIKE(west, east)
	if err == nil || !strings.Contains(err.Error(), "192.1.2.45 > 192.1.2.23 icmp type 8") {
		t.Errorf("plaintext between the gateways was not reported, but: %v", err)
	}
	if got := packets.Count(hosts.ICMP); got != 2 {
		t.Errorf("%d ICMP packets for one echo and its answer, want 2:\n%s", got, packets)
	}
}

func TestPlutoToPluto(t *testing.T) {
	n := network(t, "west", "east")
	west, east := n.Host("west"), n.Host("east")
	startPluto(t, west, plutoConf)
	startPluto(t, east, plutoConf)
	_, err := west.Whack(t.Context(), "--initiate", "--name", "west-east")
	must(t, err)
	out, _, err := west.Run(t.Context(), "ip", "-d", "link", "show", "ipsec1")
	must(t, err)
	if !strings.Contains(out, "xfrm if_id 0x1") {
		t.Errorf("ipsec1 of pluto is not an xfrm interface with if_id 1:\n%s", out)
	}
	checkTunnel(t, n)
	must(t, west.StopPluto(t.Context()))
	if _, _, err := west.Run(t.Context(), "ip", "link", "show", "ipsec1"); hosts.ExitCode(err) != 1 {
		t.Errorf("ipsec1 has outlived pluto: %v", err)
	}
}

func TestCharonToCharon(t *testing.T) {
	n := network(t, "west", "east")
	west, east := n.Host("west"), n.Host("east")
	startCharon(t, west, swanctlConf("192.1.2.45", "192.1.2.23", "west", "east", "192.0.1.0/24", "192.0.2.0/24"), "192.0.2.0/24")
	startCharon(t, east, swanctlConf("192.1.2.23", "192.1.2.45", "east", "west", "192.0.2.0/24", "192.0.1.0/24"), "192.0.1.0/24")
	_, err := west.Swanctl(t.Context(), "--initiate", "--child", "net")
	must(t, err)
	checkTunnel(t, n)
	must(t, west.StopCharon(t.Context()))
}

func TestPlutoToCharon(t *testing.T) {
	n := network(t, "west", "east")
	west, east := n.Host("west"), n.Host("east")
	startPluto(t, west, plutoConf)
	startCharon(t, east, swanctlConf("192.1.2.23", "192.1.2.45", "east", "west", "192.0.2.0/24", "192.0.1.0/24"), "192.0.1.0/24")
	_, err := west.Whack(t.Context(), "--initiate", "--name", "west-east")
	must(t, err)
	checkTunnel(t, n)
}

// TestPlutoCrash: a killed pluto is noticed, and a new one can be started in its place.
func TestPlutoCrash(t *testing.T) {
	n := network(t, "west", "east")
	west, east := n.Host("west"), n.Host("east")
	startPluto(t, west, plutoConf)
	startPluto(t, east, plutoConf)
	if err := west.StartPluto(t.Context()); err == nil {
		t.Error("a second pluto was started beside the first")
	}
	must(t, west.Pluto().Kill())
	if err := west.StopPluto(t.Context()); err == nil {
		t.Error("stopping a pluto that has been killed says nothing")
	}
	must(t, west.StartPluto(t.Context()))
	_, err := west.Whack(t.Context(), "--initiate", "--name", "west-east")
	must(t, err)
	checkTunnel(t, n)
	must(t, west.StopPluto(t.Context()))
	must(t, east.StopPluto(t.Context()))
}

// TestBrokenConf: a pluto that cannot start reports why.
func TestBrokenConf(t *testing.T) {
	n := network(t, "west")
	west := n.Host("west")
	must(t, west.WriteFile("/etc/ipsec.conf", []byte("config setup\n\tno-such-key=1\n"), 0o644))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := west.StartPluto(ctx)
	if err == nil || !strings.Contains(err.Error(), "no-such-key") {
		t.Errorf("want an error that shows pluto's complaint, got %v", err)
	}
	if west.Pluto() != nil {
		t.Error("a pluto that failed to start is still there")
	}
}
