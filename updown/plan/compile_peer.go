package plan

import (
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
	for i, claim := range claims {
		for _, p := range claim.Tunnel.Pairs {
			if p.Ours != p.Theirs && len(nets[p.Theirs]) < 2 {
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
				if n.owner != i && !escapes(claim.Tunnel, claims[n.owner].Tunnel, dst) {
					c.swallowed(claims, i, n)
				}
			}
		}
	}
}

// escapes reports whether what t sends to its peer gets past the route of o
// that has the peer in it.
func escapes(t, o Tunnel, dst netip.Prefix) bool {
	if o.Scheme == routing.Underlay || dst.Bits() > 0 && !(o.Peer.IsValid() && dst.Contains(o.Peer)) {
		// The route is in main, before which only marks of the underlay
		// scheme are looked at.
		return t.Scheme == routing.Underlay && peerInside(t)
	}
	return peerInside(t) || t.ByPeer || t.Mark == o.Mark && peerInside(o) && !o.ByPeer
}

// swallowed notes the problem for the later of the two claims.
func (c *compiler) swallowed(claims []Claim, i int, n net) {
	inner, outer := claims[i], claims[n.owner]
	hint := ""
	if outer.Tunnel.Scheme == routing.Overlay && (n.dst.Bits() == 0 || peerInside(outer.Tunnel)) {
		hint = "; set escape=peer in conn " + inner.Name
	}
	c.problem(claims[max(i, n.owner)], "ESP and IKE of conn %q to its peer %s would go into %s, the tunnel of conn %q to %s%s",
		inner.Name, inner.Tunnel.Peer, outer.Tunnel.Link, outer.Name, n.dst, hint)
}
