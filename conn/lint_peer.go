package conn

import (
	"fmt"
	"net/netip"
)

// peers finds tunnels whose ESP and IKE packets would go into another tunnel,
// because its net has their peer in it. Nested like that nothing arrives.
func (l *linter) peers() {
	nets := map[netip.Prefix][]int{} // with a route -> indexes of two tunnels
	lengths := map[int]bool{}
	for i := range l.tunnels {
		for _, d := range l.tunnels[i].demands {
			if d.attracts() && len(nets[d.theirs]) < 2 {
				nets[d.theirs] = append(nets[d.theirs], i)
				lengths[d.theirs.Bits()] = true
			}
		}
	}
	for i := range l.tunnels {
		peer := l.tunnels[i].peer
		for n := peer.BitLen(); n >= 0 && peer.IsValid(); n-- {
			if !lengths[n] {
				continue
			}
			dst, _ := peer.Prefix(n)
			for _, o := range nets[dst] {
				if o != i && !l.tunnels[i].escapes(&l.tunnels[o], dst) {
					l.swallowed(i, o, dst)
				}
			}
		}
	}
}

// escapes tells whether what t sends to its peer gets past the route of o to
// dst, which has the peer in it.
func (t *tunnel) escapes(o *tunnel, dst netip.Prefix) bool {
	if schemeOf(o.Conn) == SchemeUnderlay || dst.Bits() > 0 && !(o.peer.IsValid() && dst.Contains(o.peer)) {
		// The route is in main, before which only marks of the underlay
		// scheme are looked at.
		return schemeOf(t.Conn) == SchemeUnderlay && t.inside()
	}
	return t.inside() || t.Escape == EscapePeer || espMark(t.Conn) == espMark(o.Conn) && o.inside() && o.Escape != EscapePeer
}

// swallowed reports it at the later of the two conns.
func (l *linter) swallowed(i, o int, dst netip.Prefix) {
	inner, outer := &l.tunnels[i], &l.tunnels[o]
	hint := ""
	if schemeOf(outer.Conn) == SchemeOverlay && (dst.Bits() == 0 || outer.inside()) {
		hint = "set escape=peer in conn " + inner.Name
	}
	later, key, innerAt, outerAt := inner, inner.ours.Other().String(), "", " ("+outer.Pos.String()+")"
	if o > i {
		later, key, innerAt, outerAt = outer, outer.selectorKey(), " ("+inner.Pos.String()+")", ""
	}
	l.warn(later.Conn, key, CodeSwallowedPeer, fmt.Sprintf("ESP and IKE of conn %q%s to its peer %s would go into %s, the tunnel of conn %q%s to %s, so only one of the two can be up",
		inner.Name, innerAt, inner.peer, outer.Interface.Name, outer.Name, outerAt, dst), hint)
}
