package plan

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// usable reports whether a demand can be served, and notes why not.
func (c *compiler) usable(claim Claim, d routing.Demand) bool {
	t := claim.Tunnel
	if !d.PeerInside() && !(t.Scheme == routing.Underlay && d.MarkOut) {
		return true
	}
	switch {
	case d.Throw && t.Scheme == routing.Underlay:
		c.problem(claim, "escape=peer needs scheme=overlay")
	case d.Throw && d.Dst.IsSingleIP():
		c.problem(claim, "escape=peer would send the protected traffic to %s itself in the clear; "+
			"let the IKE daemon set a mark (strongSwan: set_mark_out in the child, charon.plugins.socket-default.fwmark) and use escape=mark", d.Dst)
	case d.Throw:
		return true
	case t.Mark.Value == 0 || !t.Mark.Set():
		c.problem(claim, "the peer %s is inside %s, so its ESP needs a mark to escape; mark-out is %s", t.Peer, d.Dst, t.Mark)
	case c.facts.ReflectsMark != "":
		c.problem(claim, "%s is on: replies would carry the mark %s of the ESP packets and leave in the clear; set it to 0",
			c.facts.ReflectsMark, t.Mark)
	case t.Scheme == routing.Underlay && !c.reachable(t):
		c.problem(claim, "no route to the peer %s (next hop %s); scheme=underlay needs one, scheme=overlay does not", t.Peer, nextHop(t))
	default:
		return true
	}
	return false
}

func (c *compiler) reachable(t Tunnel) bool {
	_, ok := c.path(t)
	return ok
}

func nextHop(t Tunnel) string {
	if t.NextHop.IsValid() {
		return t.NextHop.String()
	}
	return "not configured"
}

// checkShared notes what claims cannot share: a device or an if_id with two
// partners, a table with two schemes, two answers about the LAN.
func (c *compiler) checkShared(claims []Claim) {
	links := map[string]Claim{}
	ids := map[xfrmi.IfID]Claim{}
	tables := map[routing.Table]Claim{}
	lans := map[routing.Table]Claim{}
	for _, claim := range claims {
		t := claim.Tunnel
		if other, ok := links[t.Link]; ok && other.Tunnel.IfID != t.IfID {
			c.problem(claim, "wants %s with if_id %s, but conn %q (%s) has it with if_id %s", t.Link, t.IfID, other.Name, other.Where, other.Tunnel.IfID)
		}
		if other, ok := ids[t.IfID]; ok && other.Tunnel.Link != t.Link {
			c.problem(claim, "wants if_id %s for %s, but conn %q (%s) has it for %s", t.IfID, t.Link, other.Name, other.Where, other.Tunnel.Link)
		}
		if other, ok := tables[t.Table]; ok && other.Tunnel.Scheme != t.Scheme {
			c.problem(claim, "scheme=%s cannot use table %s, which conn %q (%s) uses with scheme=%s; give one of them another table= and rule-priority=",
				t.Scheme, t.Table, other.Name, other.Where, other.Tunnel.Scheme)
		}
		for _, other := range tables {
			if other.Tunnel.Table != t.Table && overlap(other.Tunnel.Priority, t.Priority) {
				c.problem(claim, "table %s with rule-priority=%d overlaps table %s of conn %q (%s) with rule-priority=%d; keep them 5 apart",
					t.Table, t.Priority, other.Tunnel.Table, other.Name, other.Where, other.Tunnel.Priority)
			}
		}
		links[t.Link], ids[t.IfID], tables[t.Table] = claim, claim, claim
		if t.Scheme != routing.Overlay || !hasDefault(t) {
			continue
		}
		if other, ok := lans[t.Table]; ok && other.Tunnel.LocalLAN != t.LocalLAN {
			c.problem(claim, "local-lan differs from that of conn %q (%s), which has a default route in table %s too", other.Name, other.Where, t.Table)
		}
		lans[t.Table] = claim
	}
}

func hasDefault(t Tunnel) bool {
	for _, p := range t.Pairs {
		if p.Theirs.Bits() == 0 {
			return true
		}
	}
	return false
}

// overlap reports whether two schemes around these priorities share one.
func overlap(p, q uint32) bool {
	lowP, highP := routing.PriorityRange(p)
	lowQ, highQ := routing.PriorityRange(q)
	return lowP <= highQ && lowQ <= highP
}
