package plan

import (
	"math"
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
)

// net is a remote selector with a route of its own, and whose it is.
type net struct {
	owner int // index of the claim
	dst   netip.Prefix
}

// checkPeers notes the tunnels whose ESP and IKE would go into another tunnel,
// because that one's net has their peer in it. Nested like that nothing
// arrives: the outer addresses are in no selector; and two tunnels that take
// each other's packets make a loop.
func (c *compiler) checkPeers(claims []Claim) {
	nets := map[netip.Prefix][]net{}
	lengths := map[int]bool{}
	alike := map[attraction]*marks{}
	senders := sendersOf(claims)
	for i, claim := range claims {
		for _, p := range claim.Tunnel.Pairs {
			if claim.Tunnel.enclosed() || p.Ours == p.Theirs {
				continue
			}
			a := attractionOf(claim.Tunnel, p.Theirs, senders)
			if alike[a] == nil {
				alike[a] = &marks{}
			}
			if a.from != "" && alike[a].tells(claim.Tunnel.Mark) {
				nets[p.Theirs] = append(nets[p.Theirs], net{i, p.Theirs})
				lengths[p.Theirs.Bits()] = true
			}
		}
	}
	for i, claim := range claims {
		peer := claim.Tunnel.Peer
		for bits := range lengths {
			dst, err := peer.Prefix(bits)
			if err != nil {
				continue // too long for the family, or no peer known
			}
			for _, n := range nets[dst] {
				switch o := claims[n.owner].Tunnel; {
				case n.owner == i:
				case !escapes(claim.Tunnel, o, dst):
					c.swallowed(claims, i, n)
				case opens(claim.Tunnel, o, dst):
					c.opened(claims, i, n)
				}
			}
		}
	}
}

// attraction is what decides which ESP and IKE a tunnel takes by its route to a
// net, but for its mark. Of many tunnels with the same one a few tell as much as
// all.
type attraction struct {
	dst            netip.Prefix
	scheme         routing.Scheme
	priority       uint32
	byPeer, inside bool
	inMain         bool
	from           string // of senders, those that it catches
}

// sendersOf returns a tunnel for each outer address that claims have here.
func sendersOf(claims []Claim) []Tunnel {
	known := map[netip.Addr]bool{}
	var senders []Tunnel
	for _, c := range claims {
		if local := c.Tunnel.Local; !known[local] {
			known[local] = true
			senders = append(senders, Tunnel{Local: local})
		}
	}
	return senders
}

func attractionOf(o Tunnel, dst netip.Prefix, senders []Tunnel) attraction {
	a := attraction{dst: dst, scheme: o.Scheme, priority: o.Priority, byPeer: o.ByPeer, inside: peerInside(o), inMain: routedInMain(o, dst)}
	if !o.BySource {
		a.from = "anybody"
		return a
	}
	for _, t := range senders {
		if catches(t, o, dst) {
			a.from += t.Local.String() + " "
		}
	}
	return a
}

// marks counts tunnels that are alike but for their marks: those of the first
// two marks.
type marks struct {
	mark  [2]routing.Mark
	count [2]int
}

// tells counts one more tunnel, and reports whether it tells of more than those
// before. Whatever a tunnel is compared with, two of one mark leave one that is
// not itself, and two marks leave one that is not its own.
func (m *marks) tells(mark routing.Mark) bool {
	for i := range m.mark {
		if m.count[i] == 0 {
			m.mark[i] = mark
		}
		if m.mark[i] == mark {
			m.count[i]++
			return m.count[i] <= 2
		}
	}
	return false
}

// escapes reports whether what t sends to its peer gets past the route of o
// that has the peer in it.
func escapes(t, o Tunnel, dst netip.Prefix) bool {
	// The IKE packets of a VTI device carry no mark, unless escape=mark says so.
	marked := t.VTI == (VTI{}) || peerInside(t)
	sharesEscape := marked && t.Mark == o.Mark && (peerInside(o) && !o.ByPeer || o.Scheme == routing.NotMark)
	if !catches(t, o, dst) {
		return true
	}
	if routedInMain(o, dst) {
		// The route is in main, before which ESP escapes only to a table that
		// has a way of its own for it.
		return t.Scheme.InMain() && peerInside(t) || sharesEscape && (o.Scheme == routing.MarkUnderlay || o.Scheme == routing.Underlay && t.Peer == o.Peer)
	}
	// An escape behind a default route is refused for the places of the two.
	return sharesEscape || escapePriority(t) < attractPriority(o, dst) || dst.Bits() == 0 && escapePriority(t) != none && t.Netns == ""
}

// routedInMain reports whether the route of a tunnel to dst is in main.
func routedInMain(t Tunnel, dst netip.Prefix) bool {
	outside := dst.Bits() > 0 && !(t.Peer.IsValid() && dst.Contains(t.Peer))
	return t.Scheme.InMain() || t.Scheme == routing.Overlay && outside && !t.BySource
}

// opens reports whether the rule by which all packets to the peer of t escape
// takes away just what o protects: those to that address.
func opens(t, o Tunnel, dst netip.Prefix) bool {
	return t.ByPeer && dst.IsSingleIP() && !routedInMain(o, dst) && escapePriority(t) < attractPriority(o, dst)
}

// opened notes that for the later of the two claims.
func (c *compiler) opened(claims []Claim, i int, n net) {
	inner, outer := claims[i], claims[n.owner]
	c.problem(claims[max(i, n.owner)], "escape=peer of conn %q would send what conn %q protects, packets to %s, in the clear; "+
		"let the IKE daemon set a mark (strongSwan: set_mark_out in the child, charon.plugins.socket-default.fwmark) and use escape=mark in conn %s",
		inner.Name, outer.Name, inner.Tunnel.Peer, inner.Name)
}

// none is a priority that no rule has.
const none = math.MaxUint32

// escapePriority returns the priority of the rule by which what t sends to its
// peer gets past its own tunnel, or none.
func escapePriority(t Tunnel) uint32 {
	if !(peerInside(t) && !t.enclosed()) && !t.ByPeer || t.Scheme == routing.NotMark {
		return none
	}
	return t.Scheme.EscapePriority(t.Priority)
}

// attractPriority returns the priority of the rule that leads to the route of t
// to dst, which is not in main.
func attractPriority(t Tunnel, dst netip.Prefix) uint32 {
	return t.Scheme.AttractPriority(t.Priority, dst)
}

// swallowed notes the problem for the later of the two claims.
func (c *compiler) swallowed(claims []Claim, i int, n net) {
	inner, outer := claims[i], claims[n.owner]
	hint := ""
	switch outside := n.dst.Bits() > 0 && !peerInside(outer.Tunnel); {
	case escapePriority(inner.Tunnel) != none && !outer.Tunnel.Scheme.InMain() && !outside:
		hint = "; give conn " + inner.Name + " the lower rule-priority="
	case outer.Tunnel.Scheme == routing.Overlay && inner.Tunnel.Scheme == routing.Overlay && !outside && !n.dst.IsSingleIP():
		hint = "; set escape=peer in conn " + inner.Name
		if inner.Tunnel.VTI != (VTI{}) && inner.Tunnel.Pairs == nil {
			hint = "; set escape=peer and vti-routing=yes in conn " + inner.Name
		}
	case outer.Tunnel.Scheme == routing.NotMark, outer.Tunnel.Scheme != routing.Underlay && !outside:
		hint = "; give both the same mark-out="
	}
	c.problem(claims[max(i, n.owner)], "ESP and IKE of conn %q to its peer %s would go into %s, the tunnel of conn %q to %s%s",
		inner.Name, inner.Tunnel.Peer, outer.Tunnel.Link, outer.Name, n.dst, hint)
}
