package updown

import (
	"slices"

	"github.com/ipsecif/ipsecif/updown/plan"
)

// Difference is one thing that is not as the claims ask.
type Difference struct {
	// Condition is Missing, Differs, InTheWay or Leftover for an object, and
	// Blocked or Drift for a problem of a conn.
	Condition Condition `json:"condition"`
	Conns     []string  `json:"conns,omitempty"`   // that want it; of a Leftover those that had it with an SA
	Want      string    `json:"want,omitempty"`    // the command that makes what is expected
	Have      string    `json:"have,omitempty"`    // the command that makes what is there instead
	Problem   string    `json:"problem,omitempty"` // a sentence, where no object is concerned or it says more
}

// differences lists what is not as the claims ask, object by object, each once.
func (v viewer) differences(leftovers []plan.Object) []Difference {
	var found []Difference
	for _, c := range v.inTheWay() {
		d := Difference{Condition: InTheWay, Conns: c.Owners, Have: madeBy(c.Have), Problem: c.Text}
		if c.Want != nil {
			d.Want = madeBy(c.Want)
		}
		found = append(found, d)
	}
	for _, o := range v.want.Sorted() {
		d := Difference{Conns: v.want.OwnersOf(o), Want: madeBy(o)}
		have := v.have[o.Key()]
		switch d.Condition = v.object(o).Condition; {
		case d.Condition == Missing:
		case d.Condition == Differs && !v.isInTheWay(o):
			d.Have = madeBy(have)
		default:
			continue
		}
		found = append(found, d)
	}
	for _, o := range leftovers {
		found = append(found, Difference{Condition: Leftover, Conns: v.want.WithdrawnFor(o), Have: madeBy(o)})
	}
	return found
}

// inTheWay returns the places that somebody else has filled, also again after
// they were taken over.
func (v viewer) inTheWay() []plan.Conflict {
	return slices.Concat(v.diff.Conflicts, v.diff.Displaces)
}

// isInTheWay reports whether a foreign object is in the very place of a wanted
// one.
func (v viewer) isInTheWay(o plan.Object) bool {
	return slices.ContainsFunc(v.inTheWay(), func(c plan.Conflict) bool { return c.Have.Key() == o.Key() })
}
