package updown_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// TestFaults lets every single operation fail, of bringing all conns up, of
// adapting them to other SAs and of taking them down: each time kernel and
// claims are as before.
func TestFaults(t *testing.T) {
	for _, scheme := range []string{"overlay", "underlay"} {
		for _, what := range []string{"up", "other SAs", "down"} {
			t.Run(scheme+" "+what, func(t *testing.T) {
				for at := 1; ; at++ {
					if ops := fault(t, scheme, what, at); at == ops {
						break
					} else if at > ops {
						t.Fatalf("%d operations, and none failed", ops)
					}
				}
			})
		}
	}
}

// fault lets the operation number at fail, and returns how many there are.
func fault(t *testing.T, scheme, what string, at int) int {
	w := newWorld(t, scheme)
	var names []string
	for _, c := range w.conns {
		names = append(names, c.Name)
	}
	if what != "up" {
		if _, err := w.engine().Up(w.conns); err != nil {
			t.Fatal(err)
		}
	}
	if what == "other SAs" {
		for _, c := range w.conns {
			w.kernel.SAs = append(w.kernel.SAs, outbound(c, xfrmi.ESP{Mode: xfrmi.Tunnel, Cipher: xfrmi.Cipher{IV: 8, ICV: 16}}))
		}
	}
	before, claimed := maps.Clone(w.kernel.State), fmt.Sprint(w.claimed())
	w.kernel.FailAt = at
	var p plan.Plan
	var err error
	if what == "down" {
		p, err = w.engine().Down(names, w.conns)
	} else {
		p, err = w.engine().Up(w.conns)
	}
	if err == nil {
		t.Fatalf("operation %d of %d did not fail", at, len(p.Ops))
	}
	if now := fmt.Sprint(w.claimed()); now != claimed {
		t.Fatalf("after operation %d failed the claims are %s, were %s", at, now, claimed)
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
