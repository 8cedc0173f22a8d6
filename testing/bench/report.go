package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// samples are the times of everything that is measured, by name.
type samples map[string][]time.Duration

func (s *samples) add(name string, took time.Duration) {
	if *s == nil {
		*s = samples{}
	}
	(*s)[name] = append((*s)[name], took)
}

// median of a list that is not empty; of two middle values the mean.
func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// report writes a line for each name, with the ratio of its median to that of
// the reference.
func (s samples) report(w io.Writer, reference string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "median ms\tminimum\tmaximum\tratio\t ")
	for _, name := range []string{batchUp, ipsecifUp, scriptUp, batchDown, ipsecifDown, scriptDown, ipsecifPlan, ipsecifStatus} {
		times := s[name]
		ratio := float64(median(times)) / float64(median(s[reference]))
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t  %s\n", ms(median(times)), ms(slices.Min(times)), ms(slices.Max(times)), ratio, name)
	}
	return t.Flush()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }

// header says what was measured, and where.
func (b *bench) header(rounds int) (string, error) {
	var versions []string
	for _, args := range [][]string{{"uname", "-sr"}, {"ip", "-V"}, {"ipsec", "--version"}, {b.ipsecif, "version"}} {
		_, output, err := b.run(command{args: args})
		if err != nil {
			return "", err
		}
		versions = append(versions, strings.TrimSpace(output))
	}
	text := strings.Join(versions, "; ") + "\n"
	if os.Getenv("IPSECIF_LAB_MODE") == "uml" {
		text += "This is User Mode Linux: fork and exec take 10 times as long as elsewhere, a system call 20 times. Only ratios count.\n"
	}
	return text + fmt.Sprintf(`A roadwarrior's conn, %d rounds in turns, the state of the host checked after every step. ratio: of the median to
that of %q (%d processes). _updown finds ipsec1 and its address in place, as pluto makes them.

`, rounds, batchUp, len(b.up)), nil
}
