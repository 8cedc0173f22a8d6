package updown_test

import (
	"net/netip"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// namesConf has conns of both families to one name.
const namesConf = `
conn four
	left=192.1.3.209
	right=peer.example
	rightsubnet=10.1.0.0/16
	ipsec-interface=1

conn six
	left=2001:db8:1:3::209
	right=peer.example
	rightsubnet=2001:db8:9::/64
	ipsec-interface=2

conn told
	left=%defaultroute
	hostaddrfamily=ipv6
	right=peer.example
	rightsubnet=2001:db8:8::/64
	ipsec-interface=3
`

// TestNamesOfBothFamilies brings conns to one name up, each to the address of its
// own family, and again when the name server is gone.
func TestNamesOfBothFamilies(t *testing.T) {
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(namesConf)}}}, "own.conf")
	conns, more := f.Conns()
	if len(ds)+len(more) > 0 {
		t.Fatal(ds, more)
	}
	k := fake.New()
	for _, line := range convergeKernel {
		op, err := plan.ParseOp(line)
		if err == nil {
			err = k.Apply([]plan.Op{op}, func(plan.Op) {})
		}
		if err != nil {
			t.Fatal(line, err)
		}
	}
	four, six := netip.MustParseAddr("192.1.2.23"), netip.MustParseAddr("2001:db8:1:2::23")
	e := &updown.Engine{Kernel: k, Store: claim.Open(t.TempDir()), Trace: func(plan.Op) {}}
	for _, names := range []plan.Names{{{Host: "peer.example", Family: conn.IPv4}: four, {Host: "peer.example", Family: conn.IPv6}: six}, nil} {
		e.Names = names
		if _, err := e.Up(conns); err != nil {
			t.Fatal(err)
		}
		claims, _, err := e.Store.All()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range claims {
			want := six
			if c.Name == "four" {
				want = four
			}
			if c.Tunnel.Peer != want {
				t.Errorf("%s goes to %s, want %s", c.Name, c.Tunnel.Peer, want)
			}
		}
	}
}
