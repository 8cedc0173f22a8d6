package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// This file is about foreign objects in places that claims need: they are
// conflicts or, where the caller says so, displaced. A displaced object is
// recorded first and put back when nobody needs its place any more.

// takes decides about a conflict: it displaces the foreign object if that is
// asked for, or was before, and if it can be put back exactly; else it notes
// the conflict. The caller makes the place free.
func (d *differ) takes(c Conflict) bool {
	concerned := d.Scope == nil || slices.ContainsFunc(c.Owners, func(name string) bool { return d.Scope.claims[name] })
	refusal := d.irreplaceable(c.Have)
	switch {
	case concerned && refusal == "" && (d.Adopt || d.retakes(c) || d.isRecorded(c.Have)):
		d.displace(c)
		return true
	case refusal == "":
		c.Text += ", or use --adopt"
	case d.Adopt:
		c.Text += "; --adopt cannot take its place: " + refusal
	}
	d.plan.Conflicts = append(d.plan.Conflicts, c)
	return false
}

// retakes reports whether a foreign route has come to the place of one that was
// there before.
func (d *differ) retakes(c Conflict) bool {
	_, isRoute := c.Want.(routing.Route)
	return isRoute && c.Want.Key() == c.Have.Key() && d.Retake[c.Want.Key()]
}

// irreplaceable says why a foreign object could not be put back exactly as it
// is, or returns "" when it could.
func (d *differ) irreplaceable(o Object) string {
	switch o := o.(type) {
	case routing.Route:
		switch {
		case o.Other == routing.BesideOthers(""):
			return "it is not the only route in that place, and their order could not be put back"
		case o.Other != "":
			return "it has more than ipsecif could put back: " + o.Other
		case o.Protocol == routing.ProtocolKernel || o.Protocol == routing.ProtocolRA || o.Protocol == routing.ProtocolRedirect:
			return "it comes and goes with something else, by the kernel's own doing"
		case !isRestorable(o):
			return "ipsecif does not make routes of this type"
		}
		return ""
	case routing.Rule:
		switch {
		case o.Other != "":
			return "it has more than ipsecif could put back: " + o.Other
		case !isRestorable(o):
			return "ipsecif does not make rules with this action"
		case d.want.State[o.Key()] != nil:
			return "the kernel takes it for the same rule as the one that is needed"
		case !d.aloneAtPriority(o):
			return "it is not the only one with its priority, and their order could not be put back"
		}
		return ""
	case xfrmi.Addr:
		return "lifetimes and flags of addresses are not known to ipsecif, so it could not put it back"
	}
	return "what somebody else does with a device is not known to ipsecif"
}

// isRestorable reports whether the record of an object reads back equal.
func isRestorable(o Object) bool {
	op, err := ParseOp(Making(o).String())
	return err == nil && op.Object == o
}

// aloneAtPriority reports whether no other foreign rule, there or displaced,
// has the priority of one. Which of two comes first depends on who was first.
func (d *differ) aloneAtPriority(r routing.Rule) bool {
	rival := func(o Object) bool {
		other, ok := o.(routing.Rule)
		return ok && other != r && other.Family == r.Family && other.Priority == r.Priority && !d.Managed.Owns(other)
	}
	for _, o := range d.have {
		if rival(o) {
			return false
		}
	}
	return !slices.ContainsFunc(d.Saved, func(s Saved) bool { return s.Kind == SavedForeign && rival(s.Object()) })
}

// isRecorded reports whether exactly this object was displaced before. A run
// that dies may leave it in its place.
func (d *differ) isRecorded(o Object) bool {
	return slices.ContainsFunc(d.Saved, func(s Saved) bool { return s.Kind == SavedForeign && s.Object() == o })
}

// displace records a foreign object.
func (d *differ) displace(c Conflict) {
	o := c.Have
	if d.displaced[o.Key()] {
		return
	}
	d.displaced[o.Key()] = true
	d.plan.Displaces = append(d.plan.Displaces, c)
	d.note("takes the place of %q, which is put back when no conn needs it any more", o)
	if !d.isRecorded(o) {
		d.plan.Save = append(d.plan.Save, Saved{Kind: SavedForeign, Index: d.Indexes[LinkOf(o)], Was: Making(o).String()})
	}
}

func (d *differ) note(format string, args ...any) {
	d.plan.Notes = append(d.plan.Notes, fmt.Sprintf(format, args...))
}

// foreignRules finds the foreign rules at the priority of one of ours: which of
// the two comes first would depend on who was first.
func (d *differ) foreignRules(o Object) {
	want, ok := o.(routing.Rule)
	if !ok {
		return
	}
	for _, h := range d.have {
		have, ok := h.(routing.Rule)
		if !ok || !contends(want, have) || d.Managed.MadeFor(have, d.order) {
			continue
		}
		if d.takes(Conflict{d.want.Owners[want.Key()], want, have,
			fmt.Sprintf("cannot add rule %q: %q has the same priority; choose another rule-priority=", want, have)}) {
			d.remove(have)
		}
	}
}

// contends reports whether another rule has the priority that a rule of ours
// needs for itself. Rules like libreswan's stand beside others; a twin does no
// harm.
func contends(want, other routing.Rule) bool {
	likeLibreswan := want.Mark.Set() && want.Iif == ""
	disjoint := want.To.IsValid() && other.To.IsValid() && !want.To.Overlaps(other.To) ||
		want.From.IsValid() && other.From.IsValid() && !want.From.Overlaps(other.From)
	return other.Family == want.Family && other.Priority == want.Priority && !likeLibreswan && !disjoint && !isTwin(want, other)
}

// foreignInTables finds routes of somebody else in a table where plain packets,
// or all of ESP and IKE, would follow them.
func (d *differ) foreignInTables() {
	owners := map[routing.Table][]string{}
	for key, o := range d.want.State {
		if r, ok := o.(routing.Rule); ok && r.OwnsTable() {
			owners[r.Table] = append(owners[r.Table], d.want.Owners[key]...)
		}
	}
	for key, o := range d.have {
		r, ok := o.(routing.Route)
		if !ok || owners[r.Table] == nil || d.Managed.MadeFor(r, d.order) || d.want.State[key] != nil {
			continue
		}
		if d.takes(Conflict{Owners: owners[r.Table], Have: r, Text: fmt.Sprintf(
			"table %s is for ipsecif alone, but %q is there and is not ours "+
				"(libreswan's own _updown puts such routes into table %s: set leftupdown=%%disabled); delete it or choose another table=",
			r.Table, r, routing.DefaultTable)}) {
			d.remove(r)
		}
	}
}

// remove deletes a displaced object, once.
func (d *differ) remove(o Object) {
	if op := (Op{Del, o}); !slices.Contains(d.makes, op) {
		d.makes = append(d.makes, op)
	}
}

// needs reports whether the place of a foreign object is needed, by what is
// wanted or by what is kept.
func (d *differ) needs(o Object) bool {
	if key := o.Key(); d.want.State[key] != nil || d.want.Kept[key] {
		return true
	}
	if r, ok := o.(routing.Rule); ok && d.wouldClash(r) {
		return true
	}
	for _, r := range d.rules() {
		switch o := o.(type) {
		case routing.Rule:
			if contends(r, o) {
				return true
			}
		case routing.Route:
			if r.OwnsTable() && r.Table == o.Table {
				return true
			}
		}
	}
	return false
}

// wouldClash reports whether a rule would be in the way of any claim, were it
// there.
func (d *differ) wouldClash(r routing.Rule) bool {
	alone := differ{Context: d.Context, want: d.want, have: NewState(r)}
	alone.Scope = nil
	alone.clashes()
	return len(alone.plan.Conflicts) > 0
}

// rules returns the rules that are wanted, or there and kept.
func (d *differ) rules() []routing.Rule {
	var rules []routing.Rule
	for o := range maps.Values(d.want.State) {
		if r, ok := o.(routing.Rule); ok {
			rules = append(rules, r)
		}
	}
	for key := range d.want.Kept {
		if r, ok := d.have[key].(routing.Rule); ok {
			rules = append(rules, r)
		}
	}
	return rules
}

// putBack returns the i-th saved object to its place if nobody needs that any
// more.
func (d *differ) putBack(i int) {
	s := d.Saved[i]
	o := s.Object()
	key := o.Key()
	is := d.have[key]
	switch {
	case d.supersedes(key, append(slices.Clone(d.Saved[i+1:]), d.plan.Save...)):
		d.plan.Forget = append(d.plan.Forget, s)
		return
	case d.needs(o), is != nil && d.Managed.Owns(is) && !d.inScope(is):
		return
	}
	if cause := d.Refused[s]; cause != nil {
		d.note("cannot put %q back now: %v; the next up, down or gc tries again", o, cause)
		return
	}
	d.plan.Forget = append(d.plan.Forget, s)
	switch {
	case is == o:
	case is != nil && !d.Managed.Owns(is):
		d.note("leaves %q alone; %q was there before and is not put back", is, o)
	case d.isGone(LinkOf(o)):
		d.note("does not put %q back, whose device has gone", o)
	default:
		d.note("puts %q back", o)
		back := Op{Add, o}
		if is != nil {
			back.Verb = Replace
			d.unmakes = slices.DeleteFunc(d.unmakes, func(op Op) bool { return op == Op{Del, is} })
		}
		d.unmakes = append(d.unmakes, back)
	}
}

// supersedes reports whether a later record is of the same place: somebody has
// put another object there since, which was displaced in its turn.
func (d *differ) supersedes(key string, later []Saved) bool {
	return slices.ContainsFunc(later, func(s Saved) bool { return s.Kind == SavedForeign && s.Object().Key() == key })
}

// isGone reports whether a link is not there, or about to be deleted.
func (d *differ) isGone(link string) bool {
	if link == "" {
		return false
	}
	return d.have[xfrmi.Link{Name: link}.Key()] == nil || slices.ContainsFunc(d.unmakes, func(op Op) bool {
		l, ok := op.Object.(xfrmi.Link)
		return ok && op.Verb == Del && l.Name == link
	})
}

// PutsBack returns the record of the displaced object that an operation of the
// plan puts back.
func (p Plan) PutsBack(op Op) (Saved, bool) {
	i := slices.IndexFunc(p.Forget, func(s Saved) bool {
		return s.Kind == SavedForeign && op.Verb != Del && Inside(s.Netns, s.Object()) == op.Object
	})
	if i < 0 {
		return Saved{}, false
	}
	return p.Forget[i], true
}
