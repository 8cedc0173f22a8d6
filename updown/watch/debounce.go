package watch

import "time"

// The usual times of a Debounce: changes come in bursts, of which the messages
// are less than Quiet apart, and none waits for longer than Limit.
const (
	Quiet = 20 * time.Millisecond
	Limit = 100 * time.Millisecond
)

// Debounce makes one trigger of many. The zero value has none, and waits for
// nothing.
type Debounce struct {
	Quiet time.Duration // for which nothing more has to come
	Limit time.Duration // after which the first one waits no longer

	reasons     Reason
	first, last time.Time
}

// Add notes a trigger at a time.
func (d *Debounce) Add(now time.Time, r Reason) {
	if d.reasons == 0 {
		d.first = now
	}
	d.reasons |= r
	d.last = now
}

// Due returns the time at which to look; false means that there is no reason.
func (d *Debounce) Due() (time.Time, bool) {
	due, limit := d.last.Add(d.Quiet), d.first.Add(d.Limit)
	if due.After(limit) {
		due = limit
	}
	return due, d.reasons != 0
}

// Take returns the reasons until now, and forgets them.
func (d *Debounce) Take() Reason {
	r := d.reasons
	d.reasons = 0
	return r
}
