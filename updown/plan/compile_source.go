package plan

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
)

// SourcePlace is the place that conns routed by source have together. Each
// if_id has a table of its own beside it.
var SourcePlace = Place{routing.SourceTable, routing.SourcePriority}

// place returns the table and the priority that a tunnel shares with others,
// as far as priorities and schemes go.
func (t Tunnel) place() Place {
	if t.BySource {
		return Place{routing.SourceTable, t.Priority}
	}
	return Place{t.Table, t.Priority}
}

// Places returns where a tunnel has rules and routes.
func (t Tunnel) Places() []Place {
	if t.PolicyBased {
		return nil
	}
	if t.BySource {
		return []Place{t.place(), {t.Table, t.Priority}}
	}
	return []Place{t.place()}
}

// overlapping reports whether some packets match both pairs.
func overlapping(p, q Pair) bool { return p.Ours.Overlaps(q.Ours) && p.Theirs.Overlaps(q.Theirs) }

// within reports whether all packets that match the first pair match the second.
func within(p, q Pair) bool { return holds(q.Ours, p.Ours) && holds(q.Theirs, p.Theirs) }

func holds(wide, narrow netip.Prefix) bool {
	return wide.Bits() <= narrow.Bits() && wide.Overlaps(narrow)
}

// sourced is a pair of a tunnel that is routed by source.
type sourced struct {
	Pair
	claim int // index
}

// checkSources notes the tunnels routed by source of which the kernel would
// choose by chance, or of which one gets no packets. Of two pairs with packets in
// common the remote selector of one is within that of the other.
func (c *compiler) checkSources(claims []Claim) {
	var all []sourced
	byNet := map[netip.Prefix][]sourced{}
	lengths := map[int]bool{}
	for i, claim := range claims {
		for _, p := range claim.Tunnel.Pairs {
			if claim.Tunnel.BySource && p.Ours != p.Theirs {
				all = append(all, sourced{p, i})
				byNet[p.Theirs] = append(byNet[p.Theirs], sourced{p, i})
				lengths[p.Theirs.Bits()] = true
			}
		}
	}
	for _, p := range all {
		for bits := range p.Theirs.Bits() + 1 {
			if !lengths[bits] {
				continue
			}
			wide, _ := p.Theirs.Addr().Prefix(bits)
			for _, q := range byNet[wide] {
				if wide != p.Theirs || q.claim < p.claim {
					c.checkSourced(claims, p, q)
				}
			}
		}
	}
}

// checkSourced compares two pairs. The later one of the claims is told.
func (c *compiler) checkSourced(claims []Claim, p, q sourced) {
	if p.claim > q.claim {
		p, q = q, p
	}
	t, o := claims[q.claim].Tunnel, claims[p.claim].Tunnel
	if t.IfID == o.IfID || !overlapping(p.Pair, q.Pair) {
		return
	}
	other := claims[p.claim]
	pt, po := attractPriority(t, q.Theirs), attractPriority(o, p.Theirs)
	switch {
	case pt == po:
		c.problem(claims[q.claim], "packets from %s to %s match those from %s to %s of conn %q (%s) too, and both have rule-priority=%d; give the one for fewer packets a rule-priority= that is 5 lower",
			q.Ours, q.Theirs, p.Ours, p.Theirs, other.Name, other.Where, t.Priority)
	case pt > po && within(q.Pair, p.Pair), po > pt && within(p.Pair, q.Pair):
		c.problem(claims[q.claim], "packets from %s to %s match those from %s to %s of conn %q (%s) too, and the one with rule-priority=%d gets all of them; give the other one a lower rule-priority=",
			q.Ours, q.Theirs, p.Ours, p.Theirs, other.Name, other.Where, min(t.Priority, o.Priority))
	}
}

// catches reports whether the rules of o that lead to dst are for packets that t
// sends to its peer.
func catches(t, o Tunnel, dst netip.Prefix) bool {
	if !o.BySource || !t.Local.IsValid() || o.sendsItself(dst) {
		return true
	}
	for _, p := range o.Pairs {
		if p.Theirs == dst && p.Ours.Contains(t.Local) {
			return true
		}
	}
	return false
}

// sendsItself reports whether a tunnel routed by source takes packets that this
// host makes without a source of their own, too: it has an address for them.
func (t Tunnel) sendsItself(dst netip.Prefix) bool {
	for _, p := range t.Pairs {
		for _, a := range sources(t, dst.Addr().Is4()) {
			if dst.Bits() > 0 && p.Theirs == dst && p.Ours.Contains(a) {
				return true
			}
		}
		if dst.Bits() > 0 && p.Theirs == dst && p.Ours.IsSingleIP() {
			return true // perhaps an address of this host
		}
	}
	return false
}
