package updown_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Verbs that a history may have, of pluto.
var verbs = []string{"route-client", "up-client", "prepare-route-up", "down-client", "unroute-client", "down-unroute"}

// event returns what an IKE daemon says about a pair of selectors of a conn.
// It has nothing to say about conns without an interface or a peer.
func (w *world) event(c conn.Conn, pair int, verb string) (event hook.Event, ok bool) {
	if c.Interface.IfID == 0 || !c.Right.Host.Addr.IsValid() {
		return hook.Event{}, false
	}
	pairs := pairsOf(c)
	p := pairs[pair%len(pairs)]
	env := []string{
		"PLUTO_VERB=" + verb, "PLUTO_CONNECTION=" + c.Name, "PLUTO_ME=" + c.Left.Host.Addr.String(), "PLUTO_PEER=" + c.Right.Host.Addr.String(),
		"PLUTO_MY_CLIENT=" + p.Ours.String(), "PLUTO_PEER_CLIENT=" + p.Theirs.String(), "PLUTO_VIRT_INTERFACE=" + conn.InterfaceOf(c.Interface.IfID).Name,
	}
	if c.MarkOut.Set {
		env = append(env, fmt.Sprintf("PLUTO_XFRMI_FWMARK=%d/%#x", c.MarkOut.Value, c.MarkOut.Mask))
	}
	for _, a := range c.Left.SourceIPs {
		if a.Is4() == p.Ours.Addr().Is4() {
			env = append(env, "PLUTO_MY_SOURCEIP="+a.String())
		}
	}
	if len(c.Left.InterfaceIPs) > 0 {
		env = append(env, "INTERFACE_IP="+c.Left.InterfaceIPs[0].String())
	}
	if c.Metric != 0 {
		env = append(env, fmt.Sprintf("PLUTO_METRIC=%d", c.Metric))
	}
	if c.NflogGroup != 0 {
		env = append(env, fmt.Sprintf("NFLOG=%d", c.NflogGroup))
	}
	if c.Left.CAT {
		env = append(env, "CAT=YES")
	}
	event, err := hook.Parse(env)
	if err != nil {
		w.t.Fatal(err)
	}
	return event, true
}

// pairsOf returns the pairs of selectors of a conn; if some have its peer inside,
// these, with which alone it can be up beside conns that have it inside too.
func pairsOf(c conn.Conn) []plan.Pair {
	nets := func(e conn.End) []netip.Prefix {
		if e.Subnets == nil {
			return []netip.Prefix{netip.PrefixFrom(e.Host.Addr, e.Host.Addr.BitLen())}
		}
		var all []netip.Prefix
		for _, s := range e.Subnets {
			all = append(all, s.Prefix)
		}
		return all
	}
	var pairs []plan.Pair
	for _, ours := range nets(c.Left) {
		for _, theirs := range nets(c.Right) {
			if ours.Addr().Is4() == theirs.Addr().Is4() {
				pairs = append(pairs, plan.Pair{Ours: ours, Theirs: theirs})
			}
		}
	}
	inside := func(p plan.Pair) bool { return p.Theirs.Contains(c.Right.Host.Addr) }
	if slices.ContainsFunc(pairs, inside) {
		pairs = slices.DeleteFunc(pairs, func(p plan.Pair) bool { return !inside(p) })
	}
	return pairs
}

// call lets an IKE daemon call the hook. Strangers may prevent what it adds.
func (w *world) call(event hook.Event, base conn.Conn) error {
	name, before := event.ClaimName(), fmt.Sprint(w.claimed())
	w.adopt, w.leaving = false, map[string]plan.Tunnel{}
	defer func() { w.leaving = nil }()
	t, was := w.steady[name]
	if was && event.Actions.Has(hook.Unroute|hook.Down) {
		w.leaving[name] = t
		delete(w.steady, name)
	}
	_, _, err := w.engine().Hook(event, base)
	if err != nil && before != fmt.Sprint(w.claimed()) {
		w.t.Fatalf("%s of %s failed and changed the claims: %v", event.Verb, name, err)
	}
	now, claimed := w.claimed()[name]
	if err != nil {
		now, claimed = t, was
	}
	if claimed {
		w.steady[name] = now
	}
	return err
}

// called lets an IKE daemon call, and again: nothing is left to do then.
func (w *world) called(event hook.Event, base conn.Conn) {
	for range 2 {
		if err := w.call(event, base); err != nil && !w.prevented(err) {
			w.t.Fatalf("%s of %s: %v", event.Verb, event.ClaimName(), err)
		}
	}
	p, _, err := w.engine().Hook(event, base)
	if !w.prevented(err) && (err != nil || !p.Empty()) {
		w.t.Fatalf("%s of %s is not done: %v %v", event.Verb, event.ClaimName(), p.Ops, err)
	}
}

// daemon does what two numbers say: about which pair of selectors an IKE daemon
// calls, what for, and whether that goes wrong.
func (w *world) daemon(c conn.Conn, pair, n int) {
	event, ok := w.event(c, pair, verbs[n%len(verbs)])
	if !ok {
		return
	}
	switch n := n / len(verbs); n % 3 {
	case 0:
		w.called(event, c)
	case 1: // an operation fails
		w.kernel.FailAt = 1 + n
		intruded := w.intruded()
		if err := w.call(event, c); err != nil && intruded != w.intruded() {
			w.t.Fatalf("a failed %s of %s changed what strangers made", event.Verb, event.ClaimName())
		}
		w.kernel.FailAt = 0
	case 2: // killed in the middle
		if w.kill(1+n, func() { w.called(event, c) }) {
			w.broken = true
		}
	}
}

// TestConvergeHook does at random what administrators and IKE daemons do to the
// same conns. A failure names the seed.
func TestConvergeHook(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, schemes[seed%uint64(len(schemes))])
			for range 24 {
				c := w.conns[r.IntN(len(w.conns))]
				switch r.IntN(8) {
				case 0:
					w.up(c)
				case 1:
					w.down(c)
				default:
					w.daemon(c, r.IntN(4), r.IntN(6*len(verbs)))
				}
				if !w.broken {
					w.inSync()
				}
			}
			w.end()
		})
	}
}

// endDaemons takes away what IKE daemons have claimed, which nobody else repairs.
func (w *world) endDaemons() {
	names := slices.DeleteFunc(w.withDaemons(nil), func(name string) bool { return hook.ConnOf(name) == name })
	if len(names) == 0 {
		return
	}
	for _, name := range names {
		delete(w.steady, name)
	}
	if _, err := w.engine().Down(names, nil); err != nil {
		w.t.Fatalf("down %q: %v", names, err)
	}
}

// withDaemons returns names and those of the claims of IKE daemons.
func (w *world) withDaemons(names []string) []string {
	for name := range w.claimed() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
