package updown_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// TestLostClaims loses the claims of tunnels that are up, each on an interface of its
// own, and brings some of them up and down then. Meanwhile nothing of the others
// leaves in the clear, and none of their ESP loops.
func TestLostClaims(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, schemes[seed%uint64(len(schemes))])
			links := map[string]bool{}
			w.conns = slices.DeleteFunc(w.conns, func(c conn.Conn) bool {
				again := links[c.Link()]
				links[c.Link()] = true
				return again
			})
			for range 2 {
				for range 8 {
					w.up(w.conns[r.IntN(len(w.conns))])
				}
				w.dir = t.TempDir()
				for range 6 {
					if c := w.conns[r.IntN(len(w.conns))]; r.IntN(3) == 0 {
						w.up(c)
					} else {
						w.down(c)
					}
				}
			}
			if _, err := w.engine().Up(w.conns); err != nil {
				t.Fatal(err)
			}
			w.inSync()
			w.steady, w.leaving = nil, w.claimed()
			if _, err := w.engine().Down(w.names(), w.conns); err != nil {
				t.Fatal(err)
			}
			for _, o := range w.kernel.State {
				if l, ok := o.(xfrmi.Link); w.managed.Owns(o) || ok && w.isTunnel(l.Name) {
					t.Errorf("left: %s", o)
				}
			}
		})
	}
}
