package updown_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// TestKilledWhileMoving kills ipsecif at every operation of a change of link,
// table and priority: afterwards `down` alone, or `up` and `down`, leave nothing
// behind.
func TestKilledWhileMoving(t *testing.T) {
	for _, moves := range []struct{ link, finish bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		for at := 0; ; at++ {
			w := newWorld(t, "overlay")
			before := w.conns[0]
			before.Table, before.RulePriority = 60, 200
			if moves.link {
				before.Interface.Name, before.Interface.IfID = "ipsec9", 9
			}
			w.up(before)
			if moves.link {
				// Another if_id is another tunnel; what the old one sends is lost
				// from the moment when the new one takes its place.
				w.steady = map[string]plan.Tunnel{}
			}
			w.conns = []conn.Conn{w.conns[0]}
			ops := len(must(w.engine().Plan(w.conns)).Ops)
			if at > ops {
				break
			}
			w.killMoving(at)
			if moves.finish {
				w.up(w.conns[0])
				w.inSync()
			}
			w.down(w.conns[0])
			if w.end(); t.Failed() {
				t.Fatalf("killed after %d of %d system calls, %+v", at, ops, moves)
			}
		}
	}
}

// TestRemake changes the if_id of a tunnel whose link keeps its name, so that
// the link is made anew, and lets every operation of that fail: at no time
// packets leave in the clear, and a second try succeeds.
func TestRemake(t *testing.T) {
	for failAt, ops := 1, 1; failAt <= ops; failAt++ {
		w := newWorld(t, "overlay")
		before := w.conns[0]
		before.Interface.IfID = 9
		w.up(before)
		old := w.claimed()[before.Name]
		old.Peer = netip.Addr{} // its ESP is of no interest any more
		w.steady = map[string]plan.Tunnel{before.Name: old}
		w.kernel.FailAt = failAt
		p, err := w.engine().Up(w.conns[:1])
		w.kernel.FailAt = 0
		if ops = len(p.Ops); err == nil || ops < 8 {
			t.Fatalf("operation %d of %d did not fail", failAt, ops)
		}
		w.up(w.conns[0])
		w.conns = w.conns[:1]
		w.end()
	}
}

// TestVRFFaults moves a tunnel into a VRF, from one to another and out, and lets
// every operation of that fail: each time the kernel is as before.
func TestVRFFaults(t *testing.T) {
	for _, move := range [][2]string{{"", "red"}, {"red", "blue"}, {"blue", ""}} {
		for failAt, ops := 1, 1; failAt <= ops; failAt++ {
			w := newWorld(t, "overlay")
			for _, line := range []string{"ip link add blue type vrf table 20", "ip link set dev blue up"} {
				if err := w.kernel.Apply([]plan.Op{must(plan.ParseOp(line))}, func(plan.Op) {}); err != nil {
					t.Fatal(err)
				}
			}
			i := slices.IndexFunc(w.conns, func(c conn.Conn) bool { return c.Name == "in-vrf" })
			w.conns = w.conns[i : i+1]
			w.conns[0].VRF = move[0]
			w.up(w.conns[0])
			w.steady = nil
			before := maps.Clone(w.kernel.State)
			w.kernel.FailAt = failAt
			w.conns[0].VRF = move[1]
			p, err := w.engine().Up(w.conns)
			w.kernel.FailAt = 0
			if ops = len(p.Ops); err == nil || ops < 8 {
				t.Fatalf("%v: operation %d of %d did not fail", move, failAt, ops)
			}
			if !maps.Equal(w.kernel.State, before) {
				t.Fatalf("%v: after operation %d (%s) failed, the kernel has\n%v\nwas\n%v", move, failAt, p.Ops[failAt-1], w.kernel.State, before)
			}
			if _, err := w.engine().Up(w.conns); err != nil {
				t.Fatal(err)
			}
			w.inSync()
		}
	}
}

// killMoving brings the conn up and kills that after some system calls; 0 is
// before the first, when nothing but the claim has been written.
func (w *world) killMoving(after int) {
	if after > 0 {
		w.kill(after, func() { w.up(w.conns[0]) })
		return
	}
	defer func() {
		if r := recover(); r != any(errKilled) {
			panic(r)
		}
	}()
	e := w.engine()
	e.Kernel = deadly{w.kernel}
	_, _ = e.Up(w.conns)
}

// deadly is a kernel before which a process dies.
type deadly struct{ *fake.Kernel }

func (deadly) Apply([]plan.Op, func(plan.Op)) error { panic(errKilled) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
