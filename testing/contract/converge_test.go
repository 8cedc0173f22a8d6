package contract

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"golang.org/x/sys/unix"
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
			// The thread stays locked, so it dies with its namespace.
			runtime.LockOSThread()
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				t.Fatal(err)
			}
			k, err := kernel.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			Converge(t, k, seed)
		})
	}
}
