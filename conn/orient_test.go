package conn

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

var testLocals = Locals{
	Addrs: []LocalAddr{
		{"lo", netip.MustParseAddr("127.0.0.1")},
		{"eth0", netip.MustParseAddr("fe80::1%eth0")},
		{"eth0", netip.MustParseAddr("192.0.2.1")},
		{"eth0", netip.MustParseAddr("192.0.2.11")},
		{"eth0", netip.MustParseAddr("2001:db8::1")},
		{"eth1", netip.MustParseAddr("198.51.100.1")},
	},
	DefaultRoutes: []DefaultRoute{
		{Dev: "eth1", Gateway: netip.MustParseAddr("198.51.100.254"), Family: IPv4},
		{Dev: "eth0", Gateway: netip.MustParseAddr("192.0.2.254"), Source: netip.MustParseAddr("192.0.2.11"), Family: IPv4},
		{Dev: "eth0", Gateway: netip.MustParseAddr("fe80::2"), Source: netip.MustParseAddr("2001:db8::1"), Family: IPv6},
	},
}

func TestOrient(t *testing.T) {
	noRoutes := Locals{Addrs: testLocals.Addrs}
	tests := []struct {
		left, right string
		locals      Locals
		ours        Side
		addr        string // of our end
		err         error
		text        string // part of the error
	}{
		{left: "192.0.2.1", right: "203.0.113.1", locals: testLocals, ours: Left, addr: "eth0 192.0.2.1"},
		{left: "203.0.113.1", right: "192.0.2.1", locals: testLocals, ours: Right, addr: "eth0 192.0.2.1"},
		{left: "203.0.113.1", right: "198.51.100.1", locals: testLocals, ours: Right, addr: "eth1 198.51.100.1"},
		{left: "%any", right: "2001:db8::1", locals: testLocals, ours: Right, addr: "eth0 2001:db8::1"},
		{left: "192.0.2.1", right: "peer.example.org", locals: testLocals, ours: Left, addr: "eth0 192.0.2.1"},
		{left: "%eth1", right: "%any", locals: testLocals, ours: Left, addr: "eth1 198.51.100.1"},
		{left: "%eth0", right: "2001:db8::99", locals: testLocals, ours: Left, addr: "eth0 2001:db8::1"},
		{left: "203.0.113.1", right: "%defaultroute", locals: testLocals, ours: Right, addr: "eth1 198.51.100.1"},
		{left: "%defaultroute6", right: "%any", locals: testLocals, ours: Left, addr: "eth0 2001:db8::1"},
		{left: "%defaultroute", right: "%any", ours: Left, addr: "eth0 192.0.2.11",
			locals: Locals{Addrs: testLocals.Addrs, DefaultRoutes: testLocals.DefaultRoutes[1:]}},

		{left: "203.0.113.1", right: "203.0.113.2", locals: testLocals, err: ErrNotLocal, text: "neither left=203.0.113.1 nor right=203.0.113.2"},
		{left: "203.0.113.1", right: "%any", locals: testLocals, err: ErrNotLocal},
		{left: "192.0.2.1", right: "198.51.100.1", locals: testLocals, err: ErrBothLocal, text: "left=192.0.2.1 and right=198.51.100.1 are both"},
		{left: "192.0.2.1", right: "%defaultroute", locals: testLocals, err: ErrBothLocal},
		{left: "%eth2", right: "%any", locals: testLocals, err: ErrNotYet, text: "left=%eth2: the device has no IPv4 address"},
		{left: "2001:db8::99", right: "%eth1", locals: testLocals, err: ErrNotYet, text: "right=%eth1: the device has no IPv6 address"},
		{left: "%defaultroute", right: "%any", locals: noRoutes, err: ErrNotYet, text: "there is no IPv4 default route"},
		{left: "me.example.org", right: "%any", locals: testLocals, err: ErrHostName, text: "left=me.example.org may be this host"},
		{left: "203.0.113.1", right: "me.example.org", locals: testLocals, err: ErrHostName},
	}
	for _, test := range tests {
		t.Run(test.left+" "+test.right, func(t *testing.T) {
			c := loadOne(t, "conn a\n\tleft="+test.left+"\n\tright="+test.right+"\n")
			ours, err := c.Orient(test.locals)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err != nil {
				if text := err.Error(); !strings.Contains(text, test.text) || !strings.HasPrefix(text, `conn "a": `) {
					t.Errorf("error text %q, want %q in it", text, test.text)
				}
				return
			}
			if ours != test.ours {
				t.Errorf("ours is %s, want %s", ours, test.ours)
			}
			our, their := c.Ends(ours)
			if our != c.End(test.ours) || their != c.End(test.ours.Other()) {
				t.Error("Ends returned the wrong ends")
			}
			a, ok := our.LocalAddr(test.locals, c.Family)
			if got := a.Dev + " " + a.Addr.String(); !ok || got != test.addr {
				t.Errorf("local address %q, want %q", got, test.addr)
			}
		})
	}
}

// loadOne returns the one conn of a configuration without errors.
func loadOne(t *testing.T, text string) Conn {
	t.Helper()
	f, problems := Load(memFS{"/etc/ipsec.conf": text}, "/etc/ipsec.conf")
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	conns, problems := f.Conns()
	if err := problems.Err(); err != nil || len(conns) != 1 {
		t.Fatalf("%d conns, %v", len(conns), err)
	}
	return conns[0]
}
