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

// dying is the real kernel for a process that kills itself.
type dying struct {
	*kernel.Kernel
	steps int
}

// Apply counts before the first operation, and Trace after each system call.
func (d *dying) Apply(ops []plan.Op, trace func(plan.Op)) error {
	d.step()
	return d.Kernel.Apply(ops, trace)
}

func (d *dying) step() {
	if d.steps++; d.steps == *killAt {
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	}
}

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
	d := &dying{Kernel: k}
	e := &updown.Engine{Kernel: d, Store: claim.Open("/run/ipsecif"), Adopt: true, Trace: func(plan.Op) { d.step() }}
	if *killed == "down" {
		_, err = e.Down(faultNames, faultConns(t))
	} else {
		_, err = e.Up(faultConns(t))
	}
	t.Fatalf("not killed at operation %d of %s: %v", *killAt, *killed, err)
}
