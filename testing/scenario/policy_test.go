package scenario_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// policyConf has no interface: SPs alone take the packets.
const policyConf = `config setup
	logtime=no

conn road
	left=192.1.3.209
	leftid=@road
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	leftnexthop=192.1.3.254
	leftupdown=%disabled
	right=192.1.2.23
	rightid=@east
	rightsubnet=192.0.2.0/24
	rightnexthop=192.1.2.254
	rightupdown=%disabled
	authby=secret
	ikev2=insist
	auto=add
	x-ipsecif-proxy-arp=yes
`

// TestPolicyBased brings a conn without an interface up as an IKE daemon's hook
// does. What it makes suffices for both ends: a source on one, and on the other
// a way to an address in the net of the LAN, where it is found.
func TestPolicyBased(t *testing.T) {
	hosts.Require(t)
	n, err := hosts.New(t.TempDir(), "road", "east", "server")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	ends := []*hosts.Host{n.Host("east"), n.Host("road")}
	var before []string
	for _, h := range ends {
		before = append(before, mustDump(t, h))
		byHook(t, h, (*updown.Engine).Up)
		if again := byHook(t, h, (*updown.Engine).Up); !again.Empty() {
			t.Errorf("a second up changes %v", again.Ops)
		}
	}
	startAndInitiate(t, ends)
	wire, err := n.Capture("192.1.3")
	if err != nil {
		t.Fatal(err)
	}
	lan, remote := netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.101")
	for from, to := range map[*hosts.Host]netip.Addr{n.Host("server"): remote, n.Host("road"): lan} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := from.Ping(ctx, netip.Addr{}, to); err != nil {
			t.Error(err)
		}
		cancel()
	}
	seen, err := wire.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := seen.OnlyESPAndIKE(ends[0], ends[1]); err != nil {
		t.Error(err)
	}
	for i, h := range ends {
		byHook(t, h, func(e *updown.Engine, conns []conn.Conn) (plan.Plan, error) { return e.Down([]string{"road"}, conns) })
		if after := mustDump(t, h); after != before[i] {
			t.Errorf("after down:\n%s\nbefore:\n%s", after, before[i])
		}
	}
}

// byHook changes what the conn has on a host, and returns what was done.
func byHook(t *testing.T, h *hosts.Host, change func(*updown.Engine, []conn.Conn) (plan.Plan, error)) (done plan.Plan) {
	t.Helper()
	f, ds := conn.Load(mapFS{fstest.MapFS{"ipsec.conf": {Data: []byte(policyConf)}}}, "ipsec.conf")
	conns, more := f.Conns()
	if err := errors.Join(ds.Err(), more.Err()); err != nil {
		t.Fatal(err)
	}
	conns[0].PolicyBased = true
	err := h.Do(func() error {
		k, err := kernel.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		e := &updown.Engine{Kernel: k, Store: claim.Open("/run/ipsecif"), Trace: func(plan.Op) {}}
		done, err = change(e, conns)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// startAndInitiate starts pluto on two hosts, and lets the second one bring the
// conn up.
func startAndInitiate(t *testing.T, ends []*hosts.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	for _, h := range ends {
		for path, text := range map[string]string{"/etc/ipsec.conf": policyConf, "/etc/ipsec.secrets": secrets} {
			if err := h.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.StartPluto(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ends[1].Whack(ctx, "--initiate", "--name", "road"); err != nil {
		t.Fatal(err)
	}
}
