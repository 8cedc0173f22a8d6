package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ipsecif/ipsecif/updown/lock"
	"golang.org/x/sys/unix"
)

// job is an event for all hooks.
type job struct {
	Event json.RawMessage `json:"event"`
	Env   []string        `json:"env"`
}

// queue is a folder with the jobs that wait, a file for each, named so that
// they sort in the order in which they came. One process at a time does them:
// a hook for `down` never overtakes the one for `up`.
type queue struct{ dir string }

func (h Hooks) queue() queue { return queue{filepath.Join(h.StateDir, "hooks")} }

func (q queue) add(j job) error {
	text, err := json.Marshal(j)
	if err == nil {
		err = os.MkdirAll(q.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("making the queue of the hooks: %w", err)
	}
	var since unix.Timespec // the boot; unlike the time of day it never goes back
	err = unix.ClockGettime(unix.CLOCK_BOOTTIME, &since)
	// What is not complete yet has another ending.
	name := filepath.Join(q.dir, fmt.Sprintf("%020d-%d", since.Nano(), os.Getpid()))
	if err == nil {
		err = os.WriteFile(name+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(name+".new", name+".json")
	}
	if err != nil {
		_ = os.Remove(name + ".new")
		return fmt.Errorf("queueing an event for the hooks: %w", err)
	}
	return nil
}

// drain does all jobs, those as well that come meanwhile. It leaves them to
// another process that does so already.
func (q queue) drain(do func(job)) error {
	for {
		waiting, err := q.waiting()
		if err != nil || len(waiting) == 0 {
			return err
		}
		lock, err := lock.Take(filepath.Join(q.dir, "lock"), 0)
		if errors.Is(err, unix.EWOULDBLOCK) {
			// That process looks again after it let the lock go.
			return nil
		}
		if err != nil {
			return err
		}
		err = q.doAll(do)
		lock.Release()
		if err != nil {
			return err
		}
	}
}

// doAll does the jobs that wait. Each is taken from the queue before: a hook is
// never run twice for an event.
func (q queue) doAll(do func(job)) error {
	waiting, err := q.waiting()
	for _, file := range waiting {
		text, readErr := os.ReadFile(file)
		removeErr := os.Remove(file)
		var j job
		if e := errors.Join(readErr, removeErr); e != nil {
			return fmt.Errorf("taking an event from the queue of the hooks: %w", e)
		}
		if e := json.Unmarshal(text, &j); e != nil {
			err = errors.Join(err, fmt.Errorf("reading an event for the hooks: %s: %w", file, e))
			continue
		}
		do(j)
	}
	return err
}

func (q queue) waiting() ([]string, error) {
	return filepath.Glob(filepath.Join(q.dir, "*.json")) // sorted
}
