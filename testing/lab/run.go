package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Exit statuses of the lab itself; every other one is the command's.
const (
	// StatusSplat: the guest's kernel reported a bug of its own (WARNING, BUG, Oops, panic), whatever the command's status was.
	StatusSplat = 123
	// StatusTimeout: the time was over and the guest was ended, as with timeout(1).
	StatusTimeout = 124
	// StatusFailed: the lab could not run the command.
	StatusFailed = 125
)

// DefaultTimeout and DefaultMem are the limits of a run that does not set its own.
const (
	DefaultTimeout = 10 * time.Minute
	DefaultMem     = "2G"
)

// Run runs the command in the lab and returns its exit status, or one of the lab's own with the reason as error. When ctx ends,
// the guest and everything it started ends. The program that calls Run must call [Internal] first thing, because Run starts it anew.
func Run(ctx context.Context, o Options) (int, error) {
	s, err := o.spec(ctx)
	if err != nil {
		return StatusFailed, err
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout{timeout})
	defer cancel()
	if s.Mode == Native {
		return o.runNative(ctx, s)
	}
	return o.runUML(ctx, s)
}

type errTimeout struct{ limit time.Duration }

func (e errTimeout) Error() string { return fmt.Sprintf("the time of %v is over", e.limit) }

// failure is the exit status for an error of the lab.
func failure(err error) int {
	if errors.As(err, new(errTimeout)) {
		return StatusTimeout
	}
	return StatusFailed
}
