package times

import (
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	ms := time.Millisecond
	a, b := Times{30 * ms, 10 * ms, 20 * ms, 50 * ms, 40 * ms}, Times{10 * ms, 10 * ms, 5 * ms, 10 * ms, 10 * ms}
	for _, test := range []struct{ got, want string }{
		{a.String(), "30.0 ms (10.0 ms to 50.0 ms)"},
		{Short(a.Percentile(99)), "50.0 ms"},
		{Short(a.Percentile(80)), "40.0 ms"},
		{Short(a.Percentile(20)), "10.0 ms"},
		{Ratio(a, 2, b, 1), "1.50 (0.50 to 5.00)"},
		{InTurns(a, b), "3.00 (1.00 to 5.00), shortest 2.00"},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}
