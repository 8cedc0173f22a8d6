package contract

import (
	"fmt"
	"testing"

	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// TestConverge and TestKernelConverges begin in random states; a failure names
// the seed.
func TestConverge(t *testing.T) {
	const seeds = 2000
	reached := 0
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			if Converge(t, fake.New(), seed) {
				reached++
			}
		})
	}
	t.Logf("%d of %d states could be reached", reached, seeds)
	if reached < seeds/3 {
		t.Errorf("only %d of %d states could be reached", reached, seeds)
	}
}

func TestKernelConverges(t *testing.T) {
	hosts.Require(t)
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			k := newKernel(t)
			Converge(t, k, seed)
		})
	}
}
