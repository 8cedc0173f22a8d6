package updown_test

import (
	"errors"
	"fmt"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// errKilled is how a process ends in the middle.
var errKilled = errors.New("killed")

// failedUp brings a conn up while an operation fails.
func (w *world) failedUp(c conn.Conn) {
	before, intruded := w.claimed(), w.intruded()
	_, err := w.engine().Up([]conn.Conn{c})
	if err != nil && fmt.Sprint(before) != fmt.Sprint(w.claimed()) {
		w.t.Fatalf("a failed up of %s changed the claims", c.Name)
	}
	if err != nil && intruded != w.intruded() {
		w.t.Fatalf("a failed up of %s changed what strangers made", c.Name)
	}
}

// kill ends a change after some system calls, and reports whether there were
// as many.
func (w *world) kill(after int, change func()) (killed bool) {
	defer func() {
		r := recover()
		if killed = r != nil; killed && r != any(errKilled) {
			panic(r)
		}
		w.kernel.After = w.hold
	}()
	w.kernel.After = func(op plan.Op) {
		w.hold(op)
		if after--; after == 0 {
			panic(errKilled)
		}
	}
	change()
	return false
}

// linkOf returns the name that the link of a conn has, "" for none.
func (w *world) linkOf(c conn.Conn) string {
	device := plan.DeviceOf(&c)
	if t, ok := w.claimed()[c.Name]; ok {
		device = t.Device()
	}
	for _, o := range w.kernel.State {
		if l, ok := o.(xfrmi.Link); ok && l.IsTunnel() && l.Slot() == device.Slot() {
			return l.Name
		}
	}
	return ""
}

// rename gives a link a name that nobody else has, and returns it.
func (w *world) rename(link string) string {
	if link == "" || w.kernel.State[xfrmi.Clamp{Link: link}.Key()] != nil || w.hasEntry(link) {
		return link // nftables knows links by their names, so that is a change
	}
	w.renames++
	to := fmt.Sprintf("renamed%d", w.renames)
	w.kernel.Rename(link, to)
	fake.Rename(w.foreign, link, to)
	return to
}

func (w *world) disturb(link string, gone bool) {
	if w.kernel.State[xfrmi.Link{Name: link}.Key()] == nil {
		return
	}
	op := plan.Op{Verb: plan.Set, Object: xfrmi.Attr{Link: link, Name: xfrmi.AttrState, Value: "down"}}
	if gone {
		op = plan.Op{Verb: plan.Del, Object: xfrmi.Link{Name: link}}
	}
	if err := w.kernel.Apply([]plan.Op{op}, func(plan.Op) {}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reroute(second bool) {
	gateway := "192.1.3.254"
	if second {
		gateway = "192.1.3.253"
	}
	op, err := plan.ParseOp("ip -4 route replace default via " + gateway + " dev " + w.nic + " table main proto dhcp")
	if err == nil {
		err = w.kernel.Apply([]plan.Op{op}, func(plan.Op) {})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.foreign.Put(op.Object)
}

// collect takes away what is left over, and nothing that a claim wants.
func (w *world) collect() {
	before := w.claimed()
	if _, err := w.engine().CollectAll(); err != nil {
		w.t.Fatalf("gc: %v", err)
	}
	if p, err := w.engine().Leftovers(nil, true); err != nil || !p.Empty() {
		w.t.Fatalf("gc left something over: %v %v", p.Ops, err)
	}
	s, err := w.engine().Status(w.conns, true)
	if err != nil || len(s.Leftovers) > 0 {
		w.t.Fatalf("after gc status has %v %v", s.Leftovers, err)
	}
	if now := w.claimed(); fmt.Sprint(now) != fmt.Sprint(before) {
		w.t.Fatalf("gc changed the claims from %v to %v", before, now)
	}
}
