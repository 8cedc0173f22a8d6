package updown_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// TestFaults lets every single operation fail, of bringing all conns up, of
// adapting them to other SAs and of taking them down: each time kernel and
// claims are as before.
func TestFaults(t *testing.T) {
	for _, scheme := range []string{"overlay", "underlay"} {
		for _, what := range []string{"up", "other SAs", "down"} {
			faults(t, scheme+" "+what, func() *world { return newWorld(t, scheme) }, what)
		}
	}
}

// faults lets every operation fail of bringing all conns of a world up, adapting
// them to other SAs, or taking them down.
func faults(t *testing.T, name string, world func() *world, what string) {
	t.Run(name, func(t *testing.T) {
		for at := 1; ; at++ {
			if ops := fault(t, world(), what, at); at == ops {
				break
			} else if at > ops {
				t.Fatalf("%d operations, and none failed", ops)
			}
		}
	})
}

// fault lets the operation number at fail, and returns how many there are.
func fault(t *testing.T, w *world, what string, at int) int {
	if what != "up" {
		must(w.engine().Up(w.conns))
	}
	if what == "other SAs" {
		for _, c := range w.conns {
			w.kernel.SAs = append(w.kernel.SAs, outbound(c, xfrmi.ESP{Mode: xfrmi.Tunnel, Cipher: xfrmi.Cipher{IV: 8, ICV: 16}}))
		}
	}
	before, disk := maps.Clone(w.kernel.State), w.disk()
	w.kernel.FailAt = at
	var p plan.Plan
	var err error
	if what == "down" {
		p, err = w.engine().Down(w.names(), w.conns)
	} else {
		p, err = w.engine().Up(w.conns)
	}
	if err == nil {
		t.Fatalf("operation %d of %d did not fail", at, len(p.Ops))
	}
	if now := w.disk(); now != disk {
		t.Fatalf("after operation %d failed there are claims %s, were %s", at, now, disk)
	}
	for key, o := range before {
		if w.kernel.State[key] != o {
			t.Fatalf("after operation %d (%s) failed there is %v, was %v (%v)", at, p.Ops[at-1], w.kernel.State[key], o, err)
		}
	}
	if len(w.kernel.State) != len(before) {
		t.Fatalf("after operation %d (%s) failed: %d objects, were %d", at, p.Ops[at-1], len(w.kernel.State), len(before))
	}
	return len(p.Ops)
}

// disk returns all that the state directory says.
func (w *world) disk() string {
	claims, saved, err := claim.Open(w.dir).All()
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(claims, saved)
}
