// Package times has what is said of measured times: medians with their spread,
// and ratios.
package times

import (
	"fmt"
	"slices"
	"time"
)

// Times are measurements of one thing. Those that say something of them need at
// least one.
type Times []time.Duration

// Percentile returns the time that so many of a hundred do not exceed.
func (t Times) Percentile(percent int) time.Duration {
	return slices.Sorted(slices.Values(t))[(len(t)*percent+99)/100-1]
}

// Median returns the time in the middle, of two the longer one.
func (t Times) Median() time.Duration { return slices.Sorted(slices.Values(t))[len(t)/2] }

// String returns the median with the spread.
func (t Times) String() string {
	return fmt.Sprintf("%s (%s to %s)", Short(t.Median()), Short(slices.Min(t)), Short(slices.Max(t)))
}

// Short returns a time in milliseconds.
func Short(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

// Ratio returns how many times longer a takes than b, each for its number of
// things.
func Ratio(a Times, na int, b Times, nb int) string {
	per := func(d time.Duration, n int) float64 { return float64(d) / float64(n) }
	return fmt.Sprintf("%.2f (%.2f to %.2f)", per(a.Median(), na)/per(b.Median(), nb),
		per(slices.Min(a), na)/per(slices.Max(b), nb), per(slices.Max(a), na)/per(slices.Min(b), nb))
}

// InTurns returns how many times longer a takes than b where both were measured
// in turns: the ratio of the medians, the spread that of the turns, and the ratio
// of the shortest times, which other work on the machine disturbs least.
func InTurns(a, b Times) string {
	var each []float64
	for i := range a {
		each = append(each, float64(a[i])/float64(b[i]))
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f), shortest %.2f", float64(a.Median())/float64(b.Median()),
		slices.Min(each), slices.Max(each), float64(slices.Min(a))/float64(slices.Min(b)))
}

// Sum returns all the times together.
func (t Times) Sum() (sum time.Duration) {
	for _, d := range t {
		sum += d
	}
	return sum
}
