package updown_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// called is a host whose IKE daemon calls the hook.
type called struct {
	*testing.T
	kernel *fake.Kernel
	engine *updown.Engine
	found  string
}

func newCalled(t *testing.T) *called {
	k := fake.New()
	for _, line := range []string{
		"ip link add eth0 type dummy", "ip -4 address add 192.1.3.209/24 dev eth0",
		"ip -4 route add default via 192.1.3.254 dev eth0 table main proto static",
	} {
		op, err := plan.ParseOp(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Apply([]plan.Op{op}, func(plan.Op) {}); err != nil {
			t.Fatal(err)
		}
	}
	return &called{t, k, &updown.Engine{Kernel: k, Store: claim.Open(t.TempDir()), Trace: func(plan.Op) {}}, fmt.Sprint(k.All())}
}

// call calls the hook: VERB CONN OURS=THEIRS [NAME=VALUE...].
func (c *called) call(line string, common ...string) {
	c.Helper()
	words := strings.Fields(line)
	ours, theirs, _ := strings.Cut(words[2], "=")
	env := append([]string{
		"PLUTO_VERB=" + words[0], "PLUTO_CONNECTION=" + words[1],
		"PLUTO_MY_CLIENT=" + ours, "PLUTO_PEER_CLIENT=" + theirs, "PLUTO_ME=192.1.3.209",
	}, words[3:]...)
	event, err := hook.Parse(append(append(env, common...), "PLUTO_PEER=192.1.2.23"))
	if err != nil {
		c.Fatalf("%s: %v", line, err)
	}
	if _, _, err := c.engine.Hook(event, conn.Setup{}.Conn(event.Conn)); err != nil {
		c.Fatalf("%s: %v", line, err)
	}
}

// left returns the names of all claims, without what is in brackets after the
// selectors.
func (c *called) left() string {
	c.Helper()
	claims, _, err := c.engine.Store.All()
	if err != nil {
		c.Fatal(err)
	}
	var names []string
	for _, claim := range claims {
		names = append(names, claim.Name)
	}
	return strings.Join(names, "; ")
}

// TestHookUnroutes tells pluto's order of calls for conns that share a remote net, as
// libreswan 5.2 has it: what is left at the end, and that it is all that is left.
func TestHookUnroutes(t *testing.T) {
	const onDemand = " PLUTO_CONN_POLICY=IKEv2+PSK+ENCRYPT+TUNNEL+PFS+ROUTE+ESN_NO"
	tests := map[string]struct{ calls, want string }{
		"the first of two conns goes first": {`
			route-client a 10.1.0.0/16=10.9.0.0/16
			up-client a 10.1.0.0/16=10.9.0.0/16
			up-client b 10.2.0.0/16=10.9.0.0/16
			down-client a 10.1.0.0/16=10.9.0.0/16
			down-client b 10.2.0.0/16=10.9.0.0/16
			unroute-client b 10.2.0.0/16=10.9.0.0/16`, ""},
		"the second goes first": {`
			route-client a 10.1.0.0/16=10.9.0.0/16
			up-client a 10.1.0.0/16=10.9.0.0/16
			up-client b 10.2.0.0/16=10.9.0.0/16
			down-client b 10.2.0.0/16=10.9.0.0/16
			down-client a 10.1.0.0/16=10.9.0.0/16
			unroute-client a 10.1.0.0/16=10.9.0.0/16`, ""},
		"another net does not matter": {`
			route-client a 10.1.0.0/16=10.8.0.0/16
			route-client b 10.1.0.0/16=10.9.0.0/16
			unroute-client b 10.1.0.0/16=10.9.0.0/16`, "a[pluto 10.1.0.0/16=10.8.0.0/16 via 192.1.2.23]"},
		"nor does another mark": {`
			route-client a 10.1.0.0/16=10.9.0.0/16 PLUTO_XFRMI_FWMARK=7/0xff
			route-client b 10.2.0.0/16=10.9.0.0/16
			unroute-client b 10.2.0.0/16=10.9.0.0/16`, "a[pluto 10.1.0.0/16=10.9.0.0/16 via 192.1.2.23]"},
		"one on demand stays while another comes and goes": {`
			route-client a 10.1.0.0/16=10.9.0.0/16` + onDemand + `
			up-client b 10.2.0.0/16=10.9.0.0/16
			down-client b 10.2.0.0/16=10.9.0.0/16`, "a[pluto 10.1.0.0/16=10.9.0.0/16 via 192.1.2.23]"},
		"two pairs of one conn are never unrouted": {`
			route-client a 10.1.0.0/16=10.9.0.0/16
			up-client a 10.1.0.0/16=10.9.0.0/16
			route-client a 10.2.0.0/16=10.9.0.0/16
			up-client a 10.2.0.0/16=10.9.0.0/16
			down-client a 10.1.0.0/16=10.9.0.0/16
			down-client a 10.2.0.0/16=10.9.0.0/16`, ""},
		"unless they are on demand": {`
			route-client a 10.1.0.0/16=10.9.0.0/16` + onDemand + `
			route-client a 10.2.0.0/16=10.9.0.0/16` + onDemand + `
			up-client a 10.1.0.0/16=10.9.0.0/16` + onDemand + `
			up-client a 10.2.0.0/16=10.9.0.0/16` + onDemand + `
			down-client a 10.1.0.0/16=10.9.0.0/16` + onDemand + `
			down-client a 10.2.0.0/16=10.9.0.0/16` + onDemand,
			"a[pluto 10.1.0.0/16=10.9.0.0/16 via 192.1.2.23]; a[pluto 10.2.0.0/16=10.9.0.0/16 via 192.1.2.23]"},
		"one pair is waited for": {`
			route-client a 10.1.0.0/16=10.9.0.0/16
			up-client a 10.1.0.0/16=10.9.0.0/16
			down-client a 10.1.0.0/16=10.9.0.0/16`, "a[pluto 10.1.0.0/16=10.9.0.0/16 via 192.1.2.23]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCalled(t)
			for line := range strings.Lines(strings.TrimSpace(test.calls)) {
				c.call(line, "PLUTO_VIRT_INTERFACE=ipsec1")
			}
			if got := c.left(); got != test.want {
				t.Errorf("left: %s, want %s", got, test.want)
			}
			if now := fmt.Sprint(c.kernel.All()); (now == c.found) != (test.want == "") {
				t.Errorf("the kernel has %s, found %s", now, c.found)
			}
		})
	}
}

// TestHookLateDown: charon makes before it breaks, and tells of the end of the
// old SA as if it was that of the new one.
func TestHookLateDown(t *testing.T) {
	c := newCalled(t)
	daemon := []string{"PLUTO_VERSION=1.1", "PLUTO_REQID=4", "PLUTO_IF_ID_IN=7", "PLUTO_IF_ID_OUT=7"}
	sa := func(spi uint32) plan.SA {
		return plan.SA{IfID: 7, Direction: plan.Out, Src: netip.MustParseAddr("192.1.3.209"), Dst: netip.MustParseAddr("192.1.2.23"),
			Proto: plan.ProtoESP, SPI: spi, Reqid: 4}
	}
	c.kernel.SAs = []plan.SA{sa(1)}
	c.call("up-client a 10.1.0.0/16=10.9.0.0/16", daemon...)
	c.kernel.SAs = []plan.SA{sa(1), sa(2)}
	c.call("up-client a 10.1.0.0/16=10.9.0.0/16", daemon...)
	c.call("down-client a 10.1.0.0/16=10.9.0.0/16", daemon...)
	if got, want := c.left(), "a[charon 10.1.0.0/16=10.9.0.0/16 if_id 7]"; got != want {
		t.Errorf("left after the late call: %s, want %s", got, want)
	}
	c.kernel.SAs = []plan.SA{sa(2)}
	c.call("down-client a 10.1.0.0/16=10.9.0.0/16", daemon...)
	if got := c.left(); got != "" || fmt.Sprint(c.kernel.All()) != c.found {
		t.Errorf("left at the end: %s and %s", got, c.kernel.All())
	}
}
