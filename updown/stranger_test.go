package updown_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// strangers returns what somebody else may put into the places of all conns.
// Routes lead nowhere, so that they let nothing out in the clear, but for some
// of main, for as long as no conn is up; the table of the rules is empty.
func strangers(t *testing.T, scheme string) []plan.Object {
	if found, ok := strangersOf.Load(scheme); ok {
		return found.([]plan.Object)
	}
	w := newWorld(t, scheme)
	if _, err := w.engine().Up(w.conns); err != nil {
		t.Fatal(err)
	}
	var objects []plan.Object
	for _, o := range w.kernel.State.Sorted() {
		if !w.managed.Owns(o) {
			continue
		}
		switch o := o.(type) {
		case routing.Route:
			s := routing.Route{Table: o.Table, Type: routing.Blackhole, Dst: o.Dst, Metric: o.Metric, Protocol: 4}
			if o.Table == routing.TableMain && o.Dst.Addr().Is4() && o.Type == routing.Unicast {
				s.Type, s.Dev, s.Via = routing.Unicast, "eth0", netip.MustParseAddr("192.1.3.1")
			}
			objects = append(objects, s)
		case routing.Rule:
			if o.Mark.Set() && o.Iif == "" {
				continue // one like libreswan's, which stands beside others
			}
			objects = append(objects, routing.Rule{
				Family: o.Family, Priority: o.Priority, Action: routing.Lookup, Table: 77, Suppress: routing.NoSuppress, Protocol: 4,
			})
		}
	}
	slices.SortFunc(objects, func(a, b plan.Object) int { return compareKeys(a.Key(), b.Key()) })
	objects = slices.CompactFunc(objects, func(a, b plan.Object) bool { return a.Key() == b.Key() })
	strangersOf.Store(scheme, objects)
	return objects
}

// strangersOf has the strangers of each scheme, which cost a world to find.
var strangersOf sync.Map

// compareKeys compares by length first, so that rules and routes mix.
func compareKeys(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// intrude lets a stranger fill a place, whoever has it.
func (w *world) intrude(n int) {
	all := strangers(w.t, w.scheme)
	o := all[n%len(all)]
	r, isRoute := o.(routing.Route)
	if isRoute && r.Dev != "" && len(w.claimed()) > 0 || w.kernel.State[o.Key()] == o {
		return
	}
	op := plan.Op{Verb: plan.Add, Object: o}
	if have := w.kernel.State[o.Key()]; have != nil {
		op.Verb = plan.Replace
		if w.managed.Owns(have) {
			w.broken, w.steady = true, map[string]plan.Tunnel{}
		}
	}
	w.somebody(op)
	w.foreign.Put(o)
	w.strange.Put(o)
}

// retreat lets a stranger take its object away, unless that is displaced or was
// before: what is not there can be displaced, but not taken away.
func (w *world) retreat(n int) {
	keys := slices.Sorted(maps.Keys(w.strange))
	if len(keys) == 0 {
		return
	}
	o := w.strange[keys[n%len(keys)]]
	_, saved, err := claim.Open(w.dir).All()
	if err != nil {
		w.t.Fatal(err)
	}
	if w.kernel.State[o.Key()] != o || slices.ContainsFunc(saved, func(s plan.Saved) bool { return s.Object() == o }) {
		return
	}
	w.somebody(plan.Op{Verb: plan.Del, Object: o})
	delete(w.strange, o.Key())
	delete(w.foreign, o.Key())
}

// somebody else does an operation.
func (w *world) somebody(op plan.Op) {
	if err := w.kernel.Apply([]plan.Op{op}, func(plan.Op) {}); err != nil {
		w.t.Fatal(err)
	}
}

// intruded reports whether a stranger is in a place of ours.
func (w *world) intruded() bool {
	for key, o := range w.strange {
		if w.kernel.State[key] == o {
			return true
		}
	}
	return false
}

// crowded returns a world in which every place is filled.
func crowded(t *testing.T, scheme string) *world {
	w := newWorld(t, scheme)
	// Those that strangers have nothing to do with would only cost time.
	w.conns = slices.DeleteFunc(w.conns, func(c conn.Conn) bool {
		return slices.ContainsFunc([]string{"vti", "policy", "proxy", "translated", "mixed", "external"}, func(name string) bool { return strings.HasPrefix(c.Name, name) })
	})
	for n := range strangers(t, scheme) {
		w.intrude(n)
	}
	w.adopt = true
	return w
}

// TestDisplaceFaults lets every operation fail of bringing all conns up where
// every place is filled, and of taking them down: each time kernel and disk are
// as before.
func TestDisplaceFaults(t *testing.T) {
	for _, scheme := range []string{"overlay", "underlay"} {
		for _, what := range []string{"up", "down"} {
			faults(t, scheme+" "+what, func() *world { return crowded(t, scheme) }, what)
		}
	}
}

// TestDisplaceKills kills ipsecif after every system call of bringing all conns
// up and taking them down. Whatever comes next, with or without --adopt, the
// strangers have their places in the end.
func TestDisplaceKills(t *testing.T) {
	for _, scheme := range []string{"overlay", "underlay"} {
		for _, up := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s up=%v", scheme, up), func(t *testing.T) {
				t.Parallel()
				for at := 1; killAll(t, scheme, up, []string{"up", "down", "both", "gc"}[at%4], at); at++ {
				}
			})
		}
	}
}

// killAll kills at one system call, and reports whether there was one.
func killAll(t *testing.T, scheme string, up bool, next string, at int) bool {
	w := crowded(t, scheme)
	if !up {
		must(w.engine().Up(w.conns))
	}
	killed := w.kill(at, func() {
		if up {
			must(w.engine().Up(w.conns))
		} else {
			must(w.engine().Down(w.names(), w.conns))
		}
	})
	w.adopt = !up
	if next == "gc" {
		must(w.engine().CollectAll())
	} else if next != "down" && up {
		must(w.engine().Up(w.conns))
		w.inSync()
	}
	if next == "down" || next == "both" {
		must(w.engine().Down(w.names(), w.conns))
	}
	w.adopt = true
	if w.end(); t.Failed() {
		t.Fatalf("killed after %d system calls", at)
	}
	return killed
}
