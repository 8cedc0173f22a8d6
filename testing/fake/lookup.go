package fake

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
)

// Packet is what routing looks at.
type Packet struct {
	To   netip.Addr
	From netip.Addr // invalid for one made here whose source is not chosen yet
	Mark uint32
	// Forwarded packets come from another link; others are made on this host.
	Forwarded bool
	VRF       string // that the sender or the link belongs to, "" for none
}

// Lookup returns the route that a packet takes by the rules and tables, and
// false when it does not leave (fib_rules_lookup of net/core/fib_rules.c).
func (k *Kernel) Lookup(p Packet) (routing.Route, bool) {
	if k.isLocal(p.To) {
		return routing.Route{}, false
	}
	var rules []routing.Rule
	for _, o := range k.State {
		if r, ok := o.(routing.Rule); ok && selects(r, p) {
			rules = append(rules, r)
		}
	}
	if r, ok := k.lookupOfVRF(p); ok {
		rules = append(rules, r)
	}
	slices.SortFunc(rules, func(a, b routing.Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, rule := range rules {
		if rule.Action != routing.Lookup {
			return routing.Route{}, false
		}
		route, ok := k.longest(rule.Table, p.To)
		switch {
		case !ok:
			continue
		case route.Type != routing.Unicast:
			return route, false
		case route.Dst.Bits() <= rule.Suppress:
			continue
		}
		return route, true
	}
	return routing.Route{}, false
}

func selects(r routing.Rule, p Packet) bool {
	if r.Family != routing.FamilyOf(p.To) {
		return false
	}
	matches := (!r.From.IsValid() || p.From.IsValid() && r.From.Contains(p.From)) &&
		(!r.To.IsValid() || r.To.Contains(p.To)) &&
		(r.Iif == "" || r.Iif == "lo" && !p.Forwarded) &&
		r.Mark.Holds(p.Mark)
	return matches != r.Not
}

// hasNarrower reports whether there is a rule that differs from r only in having
// a source or a destination: the kernel takes r, which has none, for the same
// (fib4_rule_compare). The other way round it does not.
func (k *Kernel) hasNarrower(r routing.Rule) bool {
	for _, o := range k.State {
		if narrow, ok := o.(routing.Rule); ok && narrow.Priority == r.Priority {
			if !r.From.IsValid() {
				narrow.From = r.From
			}
			if !r.To.IsValid() {
				narrow.To = r.To
			}
			if narrow.Key() == r.Key() {
				return true
			}
		}
	}
	return false
}

// longest returns the most specific route of a table, of those the one with
// the best metric.
func (k *Kernel) longest(t routing.Table, to netip.Addr) (best routing.Route, ok bool) {
	for _, o := range k.State {
		r, isRoute := o.(routing.Route)
		if isRoute && r.Table == t && r.Beats(best, to) {
			best, ok = r, true
		}
	}
	return best, ok
}
