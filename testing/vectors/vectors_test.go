package vectors_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

var (
	seed  = flag.Uint64("vectors.seed", 1, "seed of the sample")
	count = flag.Int("vectors.count", 80, "number of combinations in the sample")
)

// vector is a story: tunnels come and go on two hosts that are alike.
type vector struct {
	name    string // of a chosen one
	up      uplink
	before  []string // commands that somebody ran before
	tunnels []tunnel
	steps   []step
}

// step is one call of the hook.
type step struct {
	tunnel int
	action string
}

// life is what pluto calls for a tunnel, one after the other.
const (
	life     = "a:prepare a:route a:up a:down a:unroute"
	onDemand = "a:prepare a:route a:unroute" // and nobody demands
)

// steps reads TUNNEL:ACTION words; the tunnels are called a, b and so on.
func steps(text string) (all []step) {
	for _, word := range strings.Fields(text) {
		tunnel, action, _ := strings.Cut(word, ":")
		all = append(all, step{int(tunnel[0] - 'a'), action})
	}
	return all
}

func (v vector) String() string {
	var words []string
	for _, t := range v.tunnels {
		words = append(words, t.String())
	}
	return strings.TrimSpace(fmt.Sprintf("%s [%s]", v.name, strings.Join(words, "; ")))
}

// deviation is something in which the two hosts differ after a step.
type deviation struct {
	step
	ours   bool   // only ours has it, else only theirs
	object string // of a picture, or "error: " and a text
}

func (d deviation) String() string {
	side := "libreswan's script"
	if d.ours {
		side = "ipsecif"
	}
	return fmt.Sprintf("after %c:%s only %s has %s", 'a'+d.tunnel, d.action, side, d.object)
}

// TestVectors runs the chosen vectors and the sample. Every deviation must be
// explained, every difference that applies must show itself, and each one of
// the table must apply to a chosen vector.
func TestVectors(t *testing.T) {
	hosts.Require(t)
	if os.Getenv("IPSECIF_BIN") == "" {
		t.Fatal("IPSECIF_BIN must name the ipsecif to test: CGO_ENABLED=0 go build -o bin/ipsecif ./cmd/ipsecif")
	}
	ground := &ground{dir: t.TempDir(), pairs: map[uplink]*pair{}}
	t.Cleanup(func() {
		if err := ground.close(); err != nil {
			t.Error(err)
		}
	})
	shown := map[int]int{}
	chosen := chosenVectors()
	for i, v := range append(chosen, sample(*seed, *count)...) {
		deviations, err := ground.run(v)
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		faults, complaints := explain(v, deviations)
		if len(complaints) > 0 {
			t.Errorf("%s:\n\t%s", v, strings.Join(complaints, "\n\t"))
		}
		if i < len(chosen) {
			for _, f := range faults {
				shown[f]++
			}
		}
	}
	for _, d := range differences {
		if shown[d.fault] == 0 {
			t.Errorf("no chosen vector shows fault %d: %s", d.fault, d.why)
		}
	}
}

// explain returns the faults that the deviations show, and what is wrong: a
// deviation that no difference explains, a difference that does not show.
func explain(v vector, deviations []deviation) (faults []int, complaints []string) {
	unexplained := slices.Clone(deviations)
	for _, d := range differences {
		if !d.applies(v) {
			continue
		}
		faults = append(faults, d.fault)
		if !slices.ContainsFunc(deviations, func(x deviation) bool { return d.explains(v, x) }) {
			complaints = append(complaints, fmt.Sprintf("fault %d does not show: %s", d.fault, d.why))
		}
		unexplained = slices.DeleteFunc(unexplained, func(x deviation) bool { return d.explains(v, x) })
	}
	for _, x := range unexplained {
		complaints = append(complaints, x.String())
	}
	return faults, complaints
}
