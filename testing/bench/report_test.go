package main

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		times []time.Duration
		want  time.Duration
	}{
		{[]time.Duration{7}, 7},
		{[]time.Duration{9, 1, 2}, 2},
		{[]time.Duration{8, 1, 2, 4}, 3},
	} {
		if got := median(test.times); got != test.want {
			t.Errorf("%v: got %v, want %v", test.times, got, test.want)
		}
	}
}
