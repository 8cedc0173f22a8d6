package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// endings are the signals that end a process which does not catch them.
var endings = []os.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM}

// guarded is a kernel that endings do not take the process away from. A change
// observes first, so they have their usual effect until it has the lock.
type guarded struct {
	updown.Kernel
	signals chan os.Signal
}

func (g guarded) Observe(q plan.Query) (plan.Observation, error) {
	for _, s := range endings {
		if !signal.Ignored(s) { // nohup(1) and shells that start something in the background do that
			signal.Notify(g.signals, s)
		}
	}
	return g.Kernel.Observe(q)
}

// deaf is a kernel of a process that endings do not take away from it, and that
// ends by itself soon after the change.
type deaf struct{ updown.Kernel }

func (d deaf) Observe(q plan.Query) (plan.Observation, error) {
	signal.Ignore(endings...) // to catch them takes longer than most changes
	return d.Kernel.Observe(q)
}

// finish does a change as a whole, and notes the signal that came meanwhile:
// the process ends with it after its report.
func (a *app) finish(e *updown.Engine, change func() (plan.Plan, error)) (plan.Plan, error) {
	g := guarded{e.Kernel, make(chan os.Signal, 1)}
	e.Kernel = g
	trace := a.trace(e)
	p, err := change()
	_ = trace.Flush()
	signal.Stop(g.signals)
	select {
	case s := <-g.signals:
		a.signal = s.(syscall.Signal)
	default:
	}
	return p, err
}

// trace lets an engine say each operation. The lines of one conn go out with the
// flush after the change, many at once before: whoever reads them slowly keeps
// nobody waiting.
func (a *app) trace(e *updown.Engine) *bufio.Writer {
	w := bufio.NewWriter(a.err)
	// A line that cannot be printed is no reason to stop in the middle.
	e.Trace = func(op plan.Op) { fmt.Fprintf(w, "[#] %s\n", op) }
	return w
}

// endBy ends the process as a signal does that nobody catches.
func endBy(s syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), s); err == nil {
		time.Sleep(time.Second) // another thread may be the one that receives it
	}
	os.Exit(128 + int(s)) // as shells say it
}
