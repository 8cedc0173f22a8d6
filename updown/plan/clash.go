package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
)

// Warning is something about claims that works, and may yet surprise.
type Warning struct {
	Owners []string // the claims that it is about
	Text   string
}

// clashes compares the rules that are wanted with those of others: which of
// them get each other's packets depends on marks, priorities and tables.
func (d *differ) clashes() {
	// Those for the tables local, main and default are everywhere.
	theirs := rulesIn(d.have, func(r routing.Rule) bool {
		return r.Priority > 0 && r.Priority < lastRule && !d.Managed.MadeFor(r, d.order) && !d.displaced[r.Key()]
	})
	if len(theirs) == 0 {
		return
	}
	ours := rulesIn(d.want.State, func(r routing.Rule) bool { return d.Scope.has(r) && d.ownedInScope(r) })
	theirs = slices.DeleteFunc(theirs, func(r routing.Rule) bool {
		return slices.ContainsFunc(ours, func(o routing.Rule) bool { return isTwin(o, r) })
	})
	for _, o := range ours {
		for _, r := range theirs {
			if r.Family == o.Family {
				d.markClash(o, r)
				d.tableClash(o, r)
			}
		}
	}
	for _, p := range d.Managed {
		d.between(around(p, ours), theirs, p)
	}
}

// rulesIn returns some rules of a state in the order in which the kernel looks
// at them.
func rulesIn(s State, which func(routing.Rule) bool) []routing.Rule {
	type keyed struct {
		key  string
		rule routing.Rule
	}
	var found []keyed
	for key, o := range s {
		if r, ok := o.(routing.Rule); ok && which(r) {
			found = append(found, keyed{key, r})
		}
	}
	slices.SortFunc(found, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.rule.Priority, b.rule.Priority), cmp.Compare(a.key, b.key))
	})
	rules := make([]routing.Rule, len(found))
	for i, f := range found {
		rules[i] = f.rule
	}
	return rules
}

// lastRule is the priority of the kernel's rule for main.
const lastRule = 32766

// isTwin reports whether somebody else made the same rule.
func isTwin(ours, theirs routing.Rule) bool {
	theirs.Protocol = ours.Protocol
	return theirs == ours
}

// markClash finds the rule that takes ESP and IKE packets away before ours, or
// whose packets ours takes away. Where both lead to one table, only one before
// ours matters that takes decrypted packets along, which carry the mark too.
func (d *differ) markClash(ours, theirs routing.Rule) {
	leadsTo := ours.Table
	if ours.Not {
		leadsTo = routing.TableMain
	}
	made := theirs.Iif == "" || theirs.Iif == "lo" // only those are ESP
	if !ours.Mark.Set() || !theirs.Mark.Set() || !made {
		return
	}
	first, both := theirs.Priority <= ours.Priority, ours.Mark.Clashes(theirs.Mark)
	if theirs.Action == routing.Lookup && theirs.Table == leadsTo {
		if first && both && !theirs.Not && theirs.Iif == "" && ours.Iif == "lo" {
			d.clash(ours, theirs, "decrypted packets carry the mark %s too, and when they are forwarded would leave in the clear by the rule %q of somebody else; delete it, or choose a mark-out= that differs from %s in bits of both masks",
				ours.Mark, theirs, theirs.Mark)
		}
		return
	}
	switch {
	case theirs.Not && first && !theirs.Mark.Holds(ours.Mark.Value):
		d.clash(ours, theirs, "ESP and IKE packets with the mark %s would be caught by the rule %q of somebody else, which is for all marks but one and comes before %q; choose a lower rule-priority=",
			ours.Mark, theirs, ours)
	case theirs.Not || !both:
	case first:
		d.clash(ours, theirs, "ESP and IKE packets with the mark %s would be caught by the rule %q of somebody else, which comes before %q; choose a mark-out= that differs from %s in bits of both masks",
			ours.Mark, theirs, ours, theirs.Mark)
	default:
		d.clash(ours, theirs, "packets that somebody else marks for the rule %q would be taken for ESP and IKE packets by %q, and pass the tunnel by; choose a mark-out= that differs from %s in bits of both masks",
			theirs, ours, theirs.Mark)
	}
}

// tableClash finds the rule of somebody else that looks up a table of ours.
// Where our routes lead out of the host, its packets leave in the clear; where
// they lead into a tunnel, those that come before our escape loop.
func (d *differ) tableClash(ours, theirs routing.Rule) {
	if !ours.OwnsTable() || theirs.Action != routing.Lookup || theirs.Table != ours.Table {
		return
	}
	leadsOut := ours.Mark.Set() && !ours.Not
	if leadsOut || theirs.Priority < ours.Priority {
		d.clash(ours, theirs, "the rule %q of somebody else looks up table %s, which is for ipsecif alone; choose another table=", theirs, ours.Table)
	} else {
		d.warn(ours, "the rule %q of somebody else looks up table %s too, so its packets go into the tunnels; table= chooses another", theirs, ours.Table)
	}
}

// around returns the rules around a place. Those of libreswan's layout are not
// among them: any number of them has one priority, also beside libreswan's own.
func around(p Place, rules []routing.Rule) []routing.Rule {
	lowest, highest := routing.PriorityRange(p.Priority)
	return slices.DeleteFunc(slices.Clone(rules), func(r routing.Rule) bool {
		likeLibreswan := r.Mark.Set() && r.Iif == ""
		return r.Priority < lowest || r.Priority > highest || likeLibreswan
	})
}

// between finds the rules of others among those of a place: one between two of
// ours gets packets that the second is for; one where a rule of ours may come
// yet is in the way then.
func (d *differ) between(ours, theirs []routing.Rule, p Place) {
	lowest, highest := routing.PriorityRange(p.Priority)
	for _, r := range theirs {
		family := slices.DeleteFunc(slices.Clone(ours), func(o routing.Rule) bool { return o.Family != r.Family })
		taken := slices.ContainsFunc(family, func(o routing.Rule) bool { return o.Priority == r.Priority })
		if len(family) == 0 || taken || r.Priority < lowest || r.Priority > highest {
			continue
		}
		first, last := family[0], family[len(family)-1]
		if first.Priority < r.Priority && r.Priority < last.Priority {
			d.clash(last, r, "the rule %q of somebody else stands between %q and %q; choose another rule-priority=", r, first, last)
		} else {
			d.warn(first, "the rule %q of somebody else has a priority from %d to %d, where rules of other conns may come to stand; rule-priority= chooses another",
				r, lowest, highest)
		}
	}
}

// clash notes a conflict, once for all claims that it concerns.
func (d *differ) clash(ours, theirs routing.Rule, format string, args ...any) {
	owners, text := d.want.Owners[ours.Key()], fmt.Sprintf(format, args...)
	for i := range d.plan.Conflicts {
		if c := &d.plan.Conflicts[i]; c.Text == text {
			c.Owners = union(c.Owners, owners)
			return
		}
	}
	d.plan.Conflicts = append(d.plan.Conflicts, Conflict{owners, ours, theirs, text})
}

func (d *differ) warn(ours routing.Rule, format string, args ...any) {
	owners, text := d.want.Owners[ours.Key()], fmt.Sprintf(format, args...)
	for i := range d.plan.Warnings {
		if w := &d.plan.Warnings[i]; w.Text == text {
			w.Owners = union(w.Owners, owners)
			return
		}
	}
	d.plan.Warnings = append(d.plan.Warnings, Warning{owners, text})
}

// union returns the names of both lists, each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// manyMarks is the number of escape marks from which on their rules cost more
// than they are worth: each is compared with every packet.
const manyMarks = 16

// ManyMarks returns advice when the tunnels have so many different marks that
// one for all of them would be better. Have tells of those whose claims are not
// known here.
func (w Want) ManyMarks(have State, m Managed) (Warning, bool) {
	marks := map[routing.Mark]bool{}
	for _, o := range have {
		if r, ok := o.(routing.Rule); ok && r.Mark.Set() && m.Owns(r) {
			marks[r.Mark] = true
		}
	}
	var owned []string // keys
	for key, o := range w.State {
		if r, ok := o.(routing.Rule); ok && r.Mark.Set() {
			marks[r.Mark] = true
			owned = append(owned, key)
		}
	}
	if len(marks) <= manyMarks {
		return Warning{}, false
	}
	var owners []string
	for _, key := range owned {
		owners = append(owners, w.Owners[key]...)
	}
	return Warning{union(owners, nil), fmt.Sprintf("the rules for ESP and IKE packets have %d different marks, and every packet is compared with each; "+
		"set one mark-out= with a mask in all conns, for example mark-out=0x100/0xf00", len(marks))}, true
}
