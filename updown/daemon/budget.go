package daemon

import (
	"time"

	"golang.org/x/sys/unix"
)

// Budget limits how much of a processor looking at the host takes. One look after
// the other is allowed until a burst is used up; from then on each is followed by a
// pause of ten times its work. The zero value allows a whole burst. What a look
// waits for, on a busy machine or for a lock, is no work: others must not make
// repairs late.
type Budget struct {
	used time.Duration // of the burst
	last time.Duration // the work that was done at
	at   time.Time
}

const (
	burst = time.Second
	share = 10 // one part in so many
	// longestPause bounds what follows a look that has changed a lot.
	longestPause = 30 * time.Second
)

// Spend notes work that ended at a time.
func (b *Budget) Spend(now time.Time, work time.Duration) {
	b.used, b.last, b.at = b.left(now)+work, work, now
}

// left returns what is used and not earned back yet.
func (b *Budget) left(now time.Time) time.Duration {
	return max(0, b.used-now.Sub(b.at)/share)
}

// Ready returns the time from which on there is room for work.
func (b *Budget) Ready(now time.Time) time.Time {
	over := b.left(now) - burst
	ready := b.at.Add(min(share*b.last, longestPause))
	if over < 0 || ready.Before(now) {
		return now
	}
	return ready
}

// processor returns the processor time that this process has used.
func processor() time.Duration {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
