package scenario_test

import (
	"flag"
	"os"
	"testing"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"golang.org/x/sys/unix"
)

var (
	killed = flag.String("kill", "up", "for TestKillChild: what the process does, up or down")
	killAt = flag.Int("kill-at", 0, "for TestKillChild: the operation before which the process kills itself")
)

// TestKillChild is the process that TestKills kills. By itself it tests
// nothing.
func TestKillChild(t *testing.T) {
	if *killAt == 0 {
		return
	}
	k, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	e := &updown.Engine{Kernel: k, Store: claim.Open("/run/ipsecif"), Adopt: true, Trace: func(plan.Op) {
		if n++; n == *killAt {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		}
	}}
	if *killed == "down" {
		_, err = e.Down(faultNames, faultConns(t))
	} else {
		_, err = e.Up(faultConns(t))
	}
	t.Fatalf("not killed at operation %d of %s: %v", *killAt, *killed, err)
}
