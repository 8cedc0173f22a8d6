package watch

import (
	"testing"
	"time"
)

// TestDebounce lists when events come and when to look for them, in milliseconds.
func TestDebounce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []int
		due    int
	}{
		{"one", []int{5}, 25},
		{"burst", []int{0, 10, 20, 30}, 50},
		{"end of the limit", []int{0, 15, 30, 45, 60, 75}, 95},
		{"storm", []int{0, 15, 30, 45, 60, 75, 90, 99}, 100},
		{"at once", []int{7, 7, 7}, 27},
	} {
		d := Debounce{Quiet: 20 * time.Millisecond, Limit: 100 * time.Millisecond}
		begin := time.Now()
		if _, waits := d.Due(); waits {
			t.Errorf("%s: a trigger without an event", tt.name)
		}
		for _, at := range tt.events {
			d.Add(begin.Add(time.Duration(at)*time.Millisecond), Kernel)
		}
		d.Add(begin.Add(time.Duration(tt.events[len(tt.events)-1])*time.Millisecond), Conf)
		due, waits := d.Due()
		if got := due.Sub(begin).Milliseconds(); !waits || got != int64(tt.due) {
			t.Errorf("%s: due after %d ms, want %d", tt.name, got, tt.due)
		}
		if r := d.Take(); r != Kernel|Conf || r.String() != "kernel, configuration" {
			t.Errorf("%s: reasons %s", tt.name, r)
		}
		if _, waits := d.Due(); waits || d.Take() != 0 {
			t.Errorf("%s: a trigger that was taken is still there", tt.name)
		}
		late := begin.Add(time.Hour)
		d.Add(late, Resync)
		if due, _ := d.Due(); due.Sub(late) != d.Quiet {
			t.Errorf("%s: the second trigger is due after %v", tt.name, due.Sub(late))
		}
	}
}
