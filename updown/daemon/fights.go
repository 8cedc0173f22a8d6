// Package daemon keeps what the configuration and the claims ask for: it looks when
// something has changed, repairs what others have broken, and says what it cannot.
package daemon

import "time"

// The measures of a fight: somebody undoes the same thing again and again.
const (
	fightWithin = time.Minute // in which repairs count together
	fightAfter  = 3           // repairs that are a fight, and that are done at once
	firstPause  = time.Second // before the next one; each is twice as long
	longest     = 30 * time.Second
	peaceAfter  = 5 * time.Minute // without a repair, the fight is forgotten
)

// Fights knows which objects were repaired how often. The zero value knows of
// none. An object is known by its key.
type Fights struct {
	objects map[string]*fight
}

// fight is what happened to one object.
type fight struct {
	op    string      // the operation that repairs it
	times []time.Time // of the last repairs, at most fightAfter
	pause time.Duration
	next  time.Time // not to be repaired before that
	told  bool
}

// Repaired notes that an operation has repaired an object, and reports whether
// that is a fight of which nobody was told yet. Another operation than before is
// a new beginning: something else is wanted by now.
func (f *Fights) Repaired(now time.Time, key, op string) (isNew bool) {
	if f.objects == nil {
		f.objects = map[string]*fight{}
	}
	o := f.objects[key]
	if o == nil || o.op != op || now.Sub(o.last()) > peaceAfter {
		o = &fight{op: op}
		f.objects[key] = o
	}
	o.times = append(o.times, now)
	if len(o.times) > fightAfter {
		o.times = o.times[1:]
	}
	many := len(o.times) == fightAfter && now.Sub(o.times[0]) <= fightWithin
	switch {
	case o.pause > 0:
		o.pause = min(2*o.pause, longest)
	case many:
		o.pause = firstPause
	}
	o.next = now.Add(o.pause)
	if o.pause == 0 || o.told {
		return false
	}
	o.told = true
	return true
}

func (o *fight) last() time.Time {
	if len(o.times) == 0 {
		return time.Time{}
	}
	return o.times[len(o.times)-1]
}

// Quiet reports whether the fight about an object was told and is not over.
func (f *Fights) Quiet(key string) bool {
	o := f.objects[key]
	return o != nil && o.told
}

// Held returns the keys of the objects that are not to be repaired yet, and the
// time when the first of them is; the zero time when there is none. Fights that
// are over are forgotten.
func (f *Fights) Held(now time.Time) (keys map[string]bool, next time.Time) {
	keys = map[string]bool{}
	for key, o := range f.objects {
		switch {
		case now.Sub(o.last()) > peaceAfter:
			delete(f.objects, key)
		case now.Before(o.next):
			keys[key] = true
			if next.IsZero() || o.next.Before(next) {
				next = o.next
			}
		}
	}
	return keys, next
}
