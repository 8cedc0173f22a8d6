package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/ipsecif/ipsecif/updown"
)

// printDrift prints one line for each thing that differs: what it is, which
// conns want it, what is expected and what is there.
func (a *app) printDrift(s updown.Status) error {
	if a.json {
		return a.printJSON(append([]updown.Difference{}, s.Drift...))
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, d := range s.Drift {
		conns := cmp.Or(strings.Join(d.Conns, ","), "-")
		if d.Want == "" && d.Have == "" {
			fmt.Fprintf(w, "%s\t%s\t%s\n", d.Condition, conns, d.Problem)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\texpected: %s; there is: %s\n", d.Condition, conns, cmp.Or(d.Want, "nothing"), cmp.Or(d.Have, "nothing"))
	}
	return w.Flush()
}
