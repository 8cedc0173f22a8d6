package daemon

import (
	"testing"
	"time"
)

// TestFights repairs one object at given seconds, and tells which repair is told
// and from when on the next is allowed.
func TestFights(t *testing.T) {
	for _, tt := range []struct {
		name    string
		repairs []int // seconds
		told    int   // the number of the repair, 0 for none
		next    int   // seconds after the last one
	}{
		{"once", []int{0}, 0, 0},
		{"twice", []int{0, 1}, 0, 0},
		{"three times", []int{0, 1, 2}, 3, 1},
		{"seldom", []int{0, 50, 100, 150, 200, 250}, 0, 0},
		{"within a minute", []int{0, 50, 100, 105}, 4, 1},
		{"growing", []int{0, 0, 0, 1, 3, 7}, 3, 8},
		{"longest", []int{0, 0, 0, 1, 3, 7, 15, 31, 61, 91}, 3, 30},
		{"after peace", []int{0, 0, 0, 400}, 3, 0},
	} {
		var f Fights
		begin := time.Now()
		at := begin
		told := 0
		for i, s := range tt.repairs {
			at = begin.Add(time.Duration(s) * time.Second)
			if held, _ := f.Held(at); held["key"] {
				t.Errorf("%s: repair %d is not allowed", tt.name, i+1)
			}
			if f.Repaired(at, "key", "add it") {
				if told != 0 {
					t.Errorf("%s: told at %d and again at %d", tt.name, told, i+1)
				}
				told = i + 1
			}
		}
		held, next := f.Held(at)
		wait := time.Duration(0)
		if held["key"] {
			wait = next.Sub(at)
		}
		if told != tt.told || wait != time.Duration(tt.next)*time.Second || held["key"] != !next.IsZero() {
			t.Errorf("%s: told at %d, next after %v; want %d and %d s", tt.name, told, wait, tt.told, tt.next)
		}
		if held, _ := f.Held(at.Add(peaceAfter + time.Second)); len(held)+len(f.objects) != 0 {
			t.Errorf("%s: not forgotten", tt.name)
		}
	}
}

// TestFightsOfChanges knows what is no fight: what is wanted changes.
func TestFightsOfChanges(t *testing.T) {
	var f Fights
	now := time.Now()
	for i := range 20 {
		if f.Repaired(now, "mtu", []string{"1400", "1420"}[i%2]) {
			t.Fatal("two values in turn are a fight")
		}
	}
	for i := range fightAfter {
		if isNew := f.Repaired(now, "other", "add"); isNew != (i == fightAfter-1) {
			t.Errorf("repair %d of another object: a fight %v", i+1, isNew)
		}
	}
	if !f.Quiet("other") || f.Quiet("mtu") {
		t.Error("objects are not told apart")
	}
}

func TestBudget(t *testing.T) {
	var b Budget
	begin := time.Now()
	now := begin
	if b.Ready(now) != now {
		t.Error("nothing was done, and there is no room")
	}
	b.Spend(now, burst/2)
	if b.Ready(now) != now {
		t.Error("no second look in a burst")
	}
	b.Spend(now, burst)
	if got, want := b.Ready(now).Sub(now), 10*burst; got != want {
		t.Errorf("after one and a half bursts: wait for %v, want %v", got, want)
	}
	b.Spend(now, time.Minute)
	if got := b.Ready(now).Sub(now); got != longestPause {
		t.Errorf("after a minute of work: wait for %v, want %v", got, longestPause)
	}
	b.Spend(now, time.Millisecond)
	if got, want := b.Ready(now).Sub(now), 10*time.Millisecond; got != want {
		t.Errorf("after a millisecond: wait for %v, want %v", got, want)
	}
	// A storm: as much as is allowed for an hour.
	var worked time.Duration
	for now.Sub(begin) < time.Hour {
		now = b.Ready(now)
		const look = 300 * time.Millisecond
		now = now.Add(look)
		b.Spend(now, look)
		worked += look
	}
	if part := float64(worked) / float64(now.Sub(begin)); part > 0.101 || part < 0.09 {
		t.Errorf("%.1f %% of the time were spent", 100*part)
	}
}
