package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// remnant is what is there of links whose claims are lost: ours, wanted by no
// claim that there is, and to stay.
type remnant struct {
	routes []routing.Route
	rules  []routing.Rule
	parts  map[firewall.Place][]firewall.Entry // what nftables have for them
	clamps bool                                // whether they have an MSS
}

// leaveShared takes deletions back of what links without a claim need as well as
// the claims in scope do, as far as what is there tells it. What nobody needs
// goes with the last of those links, or by Collect.
func (d *differ) leaveShared() {
	for {
		left := d.remnant()
		before := len(d.unmakes)
		d.unmakes = slices.DeleteFunc(d.unmakes, func(op Op) bool { return op.Verb == Del && left.needs(op.Object) })
		if len(d.unmakes) == before {
			return
		}
	}
}

// remnant returns what stays without a claim.
func (d *differ) remnant() remnant {
	left := remnant{parts: map[firewall.Place][]firewall.Entry{}}
	gone, links := map[string]bool{}, map[string]bool{}
	for _, op := range d.unmakes {
		gone[op.Object.Key()] = true
		if l, ok := op.Object.(xfrmi.Link); ok {
			links[l.Name] = true
		}
	}
	for key, o := range d.have {
		if gone[key] || d.want.State[key] != nil || links[home(o)] || !d.Managed.Owns(o) {
			continue
		}
		switch o := o.(type) {
		case routing.Route:
			left.routes = append(left.routes, o)
		case routing.Rule:
			left.rules = append(left.rules, o)
		case firewall.Entry:
			left.parts[o.Place] = append(left.parts[o.Place], o)
		case xfrmi.Clamp:
			left.clamps = true
		}
	}
	return left
}

// needs reports whether what is left may need an object.
func (left remnant) needs(o Object) bool {
	switch o := o.(type) {
	case routing.Rule:
		return left.needsRule(o)
	case routing.Route:
		return left.needsRoute(o)
	case xfrmi.Addr: // on a link of others
		return left.leads(func(r routing.Route) bool { return r.Src == o.Prefix.Addr() })
	case xfrmi.ClampTable:
		return left.clamps
	case firewall.Place:
		return left.parts[o] != nil
	case firewall.Jump:
		return left.parts[o.Place] != nil
	case firewall.Chain:
		return slices.ContainsFunc(left.parts[o.Place], func(e firewall.Entry) bool { c, ok := e.Chain(); return ok && c == o })
	case firewall.Set:
		return slices.ContainsFunc(left.parts[o.Place], func(e firewall.Entry) bool { return e.Set().Key() == o.Key() })
	}
	return false
}

// leads reports whether there is a route of some kind.
func (left remnant) leads(is func(routing.Route) bool) bool {
	return slices.ContainsFunc(left.routes, is)
}

// looksUp reports whether there is a rule of some kind that looks up a table of
// ours.
func (left remnant) looksUp(is func(routing.Rule) bool) bool {
	return slices.ContainsFunc(left.rules, func(r routing.Rule) bool {
		return r.Action == routing.Lookup && r.Table != routing.TableMain && is(r)
	})
}

// span is how far the priorities of rules are apart that belong together, at most:
// see routing.PriorityRange.
const span = 4

// needsRule reports whether routes that are left are found by a rule, or whether
// it belongs to another one that is left.
func (left remnant) needsRule(o routing.Rule) bool {
	// The rule for the default route, of which o comes just before or after.
	beside := func(r routing.Rule) bool {
		return r.Family == o.Family && r.From == o.From && r.To == o.To && r.Suppress == routing.NoSuppress && !r.Mark.Set() &&
			(r.Priority == o.Priority+1 || r.Priority == o.Priority-1)
	}
	switch {
	case o.Action != routing.Lookup, o.Table == routing.TableMain && o.Suppress == 0:
		return left.looksUp(beside)
	case o.Table == routing.TableMain && o.To.IsValid():
		// Few tunnels have the same peer, and what others protect to its address
		// would leave in the clear.
		return false
	case o.Table == routing.TableMain: // by a mark that others may have, too
		return left.looksUp(func(r routing.Rule) bool {
			return r.Family == o.Family && o.Priority < r.Priority && r.Priority <= o.Priority+span
		})
	case o.Mark.Set() && !o.Not: // of ESP and IKE, past routes in main
		return left.leads(func(r routing.Route) bool {
			return r.Table == routing.TableMain && (o.Iif != "" || isTo(r, o.Family, o.To, 1))
		})
	}
	return left.leads(func(r routing.Route) bool {
		whole := o.Not || o.Suppress == 0
		return r.Table == o.Table && (whole && routing.FamilyOf(r.Dst.Addr()) == o.Family || isTo(r, o.Family, o.To, 0))
	})
}

// isTo reports whether a route is for the destination of a rule: where that is
// everything, the route has no more bits than most.
func isTo(r routing.Route, f routing.Family, to netip.Prefix, most int) bool {
	if to.IsValid() {
		return r.Dst == to
	}
	return routing.FamilyOf(r.Dst.Addr()) == f && r.Dst.Bits() <= most
}

// needsRoute reports whether a guard is also below a route that is left, or a way
// to a peer behind a rule that is left.
func (left remnant) needsRoute(o routing.Route) bool {
	if o.Type == routing.Unreachable {
		return left.leads(func(r routing.Route) bool { return r.Type == routing.Unicast && r.Table == o.Table && r.Dst == o.Dst })
	}
	return left.looksUp(func(r routing.Rule) bool {
		return r.Table == o.Table && r.Mark.Set() && !r.Not && (!r.To.IsValid() || r.To.Contains(o.Dst.Addr()))
	})
}
