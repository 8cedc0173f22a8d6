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

// finish does a change as a whole, and notes the signal that came meanwhile:
// the process ends with it after its report.
func (a *app) finish(e *updown.Engine, change func() (plan.Plan, error)) (plan.Plan, error) {
	g := guarded{e.Kernel, make(chan os.Signal, 1)}
	e.Kernel = g
	// Many lines go at once, and those of one conn after the change: whoever
	// reads them slowly keeps nobody waiting.
	trace := bufio.NewWriter(a.err)
	// A line that cannot be printed is no reason to stop in the middle.
	e.Trace = func(op plan.Op) { fmt.Fprintf(trace, "[#] %s\n", op) }
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

// endBy ends the process as a signal does that nobody catches.
func endBy(s syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), s); err == nil {
		time.Sleep(time.Second) // another thread may be the one that receives it
	}
	os.Exit(128 + int(s)) // as shells say it
}
