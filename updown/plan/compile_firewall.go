package plan

import (
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// firewall puts what nftables have to know about a tunnel. An entry that leads
// nowhere, because the admin's table has no chain for it at the moment, is kept
// where it is.
func (c *compiler) firewall(claim Claim) {
	entries := claim.Tunnel.FirewallEntries()
	if why := unsupported(claim.Tunnel, entries); why != "" {
		c.problem(claim, "%s", why)
		return
	}
	missing := map[firewall.Place]bool{}
	for _, e := range entries {
		jumps := c.jumps(e.Place)
		lost := !e.Place.IsTable() && len(jumps) == 0
		if lost && e.Place.Purpose == firewall.Forward && !missing[e.Place] && !c.facts.NoFilter {
			c.problem(claim, "accept: table %s has no base chain of type filter at the hook %s, or there is no such table",
				e.Place.Table, strings.Join(e.Place.Hooks(), " or "))
		}
		missing[e.Place] = lost
		objects := []Object{e.Place, e.Set(), e}
		if chain, ok := e.Chain(); ok {
			objects = append(objects, chain)
		}
		for _, j := range jumps {
			objects = append(objects, j)
		}
		for _, o := range objects {
			if lost {
				c.want.Kept[o.Key()] = true
				c.own(claim, o.Key())
			} else {
				c.put(claim, o)
			}
		}
	}
}

// unsupported says why nftables cannot find the packets of a tunnel, "" if they
// can.
func unsupported(t Tunnel, entries []firewall.Entry) string {
	switch {
	case len(entries) == 0:
	case t.Netns != "":
		return "nflog-group, leftcat and accept: nftables of this network namespace do not see what goes through an interface in another"
	case t.VRF != "" && slices.ContainsFunc(entries, func(e firewall.Entry) bool { return e.Place != firewall.LogPlace }):
		return "leftcat and accept: in a VRF packets come from the VRF device, whatever interface they came through"
	}
	return ""
}

// jumps returns the rules that lead to a place of the admin's.
func (c *compiler) jumps(p firewall.Place) []firewall.Jump {
	var jumps []firewall.Jump
	for _, b := range c.facts.bases {
		if b.Leads(p) {
			jumps = append(jumps, firewall.Jump{Place: p, Chain: b.Chain})
		}
	}
	return jumps
}

// bases returns the base chains of the admin's in a state, in order.
func bases(s State) []firewall.Base {
	var all []firewall.Base
	for _, o := range s {
		if b, ok := o.(firewall.Base); ok {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b firewall.Base) int { return strings.Compare(a.Key(), b.Key()) })
	return all
}

// settleFirewall takes what is wanted of nftables to be there, where it cannot be
// read.
func (w Want) settleFirewall() {
	if w.noFilter {
		w.State.drop(func(o Object) bool { _, ok := firewallOrder(o); return ok })
	}
}
