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
			if !l.tunnels[i].enclosed() && d.attracts() && l.tunnels[i].RouteBy != RouteBySource && len(nets[d.theirs]) < 2 {
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
				switch t := &l.tunnels[i]; {
				case o == i:
				case !t.escapes(&l.tunnels[o], dst):
					l.swallowed(i, o, dst)
				case t.opens(&l.tunnels[o], dst):
					l.opened(i, o)
				}
			}
		}
	}
}

// escapes tells whether what t sends to its peer gets past the route of o to
// dst, which has the peer in it.
func (t *tunnel) escapes(o *tunnel, dst netip.Prefix) bool {
	s := schemeOf(o.Conn)
	shares := espMark(t.Conn) == espMark(o.Conn) && (o.inside() && o.Escape != EscapePeer || s == SchemeNotMark)
	if o.routedInMain(dst) {
		// The route is in main, before which ESP escapes only to a table that
		// has a way of its own for it.
		return inMain(schemeOf(t.Conn)) && t.inside() || shares && (s == SchemeMarkUnderlay || s == SchemeUnderlay && t.peer == o.peer)
	}
	escape, ok := t.escapePriority()
	// An escape behind a default route is a matter of the two places.
	return shares || ok && (escape < attractPriority(o.Conn, dst.Bits() == 0) || dst.Bits() == 0 && t.Netns == "")
}

// routedInMain tells whether the route of a tunnel to dst is in main.
func (t *tunnel) routedInMain(dst netip.Prefix) bool {
	outside := dst.Bits() > 0 && !(t.peer.IsValid() && dst.Contains(t.peer))
	return inMain(schemeOf(t.Conn)) || schemeOf(t.Conn) == SchemeOverlay && outside
}

// opens tells whether the rule by which all packets to the peer of t escape
// takes away just what o protects: those to that address.
func (t *tunnel) opens(o *tunnel, dst netip.Prefix) bool {
	escape, ok := t.escapePriority()
	return t.Escape == EscapePeer && ok && dst.IsSingleIP() && !o.routedInMain(dst) && escape < attractPriority(o.Conn, false)
}

// opened reports that at the conn that opens the other.
func (l *linter) opened(i, o int) {
	inner, outer := &l.tunnels[i], &l.tunnels[o]
	l.warn(inner.Conn, "escape", CodeEscapePeer, fmt.Sprintf("escape=peer of conn %q would send what conn %q (%s) protects, packets to %s, in the clear, so only one of the two can be up",
		inner.Name, outer.Name, outer.Pos, inner.peer), "use escape=mark and let the IKE daemon set a mark")
}

// swallowed reports it at the later of the two conns.
func (l *linter) swallowed(i, o int, dst netip.Prefix) {
	inner, outer := &l.tunnels[i], &l.tunnels[o]
	hint := ""
	_, escapes := inner.escapePriority()
	switch s, reached := schemeOf(outer.Conn), dst.Bits() == 0 || outer.inside(); {
	case escapes && !inMain(s) && reached:
		hint = "give conn " + inner.Name + " the lower rule-priority="
	case s == SchemeOverlay && schemeOf(inner.Conn) == SchemeOverlay && reached && !dst.IsSingleIP():
		hint = "set escape=peer in conn " + inner.Name
	case s == SchemeNotMark, s != SchemeUnderlay && reached:
		hint = "give both the same mark-out="
	}
	later, key, innerAt, outerAt := inner, inner.ours.Other().String(), "", " ("+outer.Pos.String()+")"
	if o > i {
		later, key, innerAt, outerAt = outer, outer.selectorKey(), " ("+inner.Pos.String()+")", ""
	}
	l.warn(later.Conn, key, CodeSwallowedPeer, fmt.Sprintf("ESP and IKE of conn %q%s to its peer %s would go into %s, the tunnel of conn %q%s to %s, so only one of the two can be up",
		inner.Name, innerAt, inner.peer, outer.Interface.Name, outer.Name, outerAt, dst), hint)
}
