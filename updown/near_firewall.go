package updown

import (
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// firewallQuery asks for the places where claims and conns have something.
func firewallQuery(claims []plan.Claim, conns []conn.Conn) plan.FirewallQuery {
	var q plan.FirewallQuery
	asked := map[firewall.Place]bool{}
	add := func(places []firewall.Place) {
		for _, p := range places {
			if !asked[p] {
				asked[p] = true
				q.Places = append(q.Places, p)
			}
		}
	}
	for _, c := range claims {
		for _, t := range append(c.Previous, c.Tunnel) {
			add(t.FirewallPlaces())
		}
	}
	for i := range conns {
		add(plan.FirewallPlacesOf(&conns[i]))
	}
	return q
}

// askFor adds the elements of tunnels to a limited query: with those of the
// claims as they were, what is planned is right; with the new ones, it can be
// verified. Making one that is there already does no harm.
func (r *run) askFor(claims []plan.Claim) {
	for _, c := range claims {
		r.query.Firewall.Entries = append(r.query.Firewall.Entries, c.Tunnel.FirewallEntries()...)
	}
}

// leavesSets reports whether the plan deletes a chain of ours in a table of the
// admin's, and leaves a set there that nobody claims.
func (r *run) leavesSets() bool {
	for _, o := range r.have.State {
		s, ok := o.(firewall.Set)
		gone := plan.Op{Verb: plan.Del, Object: s.Place}
		if ok && !s.Place.IsTable() && slices.Contains(r.plan.Ops, gone) && !slices.Contains(r.plan.Ops, plan.Op{Verb: plan.Del, Object: s}) {
			return true
		}
	}
	return false
}
