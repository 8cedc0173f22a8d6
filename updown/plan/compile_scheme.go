package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
)

// needsMark reports whether a rule has to know the tunnel's ESP and IKE
// packets by their mark to serve d.
func needsMark(t Tunnel, d routing.Demand) bool {
	return d.PeerInside() || t.Scheme == routing.NotMark || t.Scheme == routing.Underlay && d.MarkOut
}

// pinsPath reports whether the table has a route to the peer that main has at
// the moment.
func pinsPath(t Tunnel) bool {
	return t.Scheme.InMain() && (peerInside(t) || t.MarkOut && t.Scheme == routing.Underlay)
}

// ownNet returns the net behind this host, if any, whose packets would go back
// into the tunnel: it is in d, and the table of the scheme comes before main,
// where its route is.
func (c *compiler) ownNet(t Tunnel, d routing.Demand) (netip.Prefix, bool) {
	if direct, fixed := t.Scheme.LocalLAN(); direct || !fixed || !d.Attract {
		return netip.Prefix{}, false
	}
	for _, p := range t.Pairs {
		if p.Theirs == d.Dst && p.Theirs.Bits() < p.Ours.Bits() && p.Theirs.Contains(p.Ours.Addr()) && !c.isOwnAddr(t, p.Ours) {
			return p.Ours, true
		}
	}
	return netip.Prefix{}, false
}

// isOwnAddr reports whether a selector is an address of this host alone.
func (c *compiler) isOwnAddr(t Tunnel, p netip.Prefix) bool {
	return p.IsSingleIP() &&
		(slices.ContainsFunc(c.facts.Locals.Addrs, func(l conn.LocalAddr) bool { return l.Addr == p.Addr() }) ||
			slices.ContainsFunc(t.Addrs, func(a netip.Prefix) bool { return a.Addr() == p.Addr() }))
}

// defaultPath returns how packets leave by the default route of main, for the
// family of the tunnel's peer; the zero Path when there is none, or several
// with one metric.
func (c *compiler) defaultPath(t Tunnel) routing.Path {
	for _, r := range c.facts.Locals.DefaultRoutes {
		if (r.Family == conn.IPv4) == t.Peer.Is4() {
			return routing.Path{Dev: r.Dev, Via: r.Gateway}
		}
	}
	return routing.Path{}
}

// checkMarks notes the tunnels whose ESP and IKE the rule of another table
// leads astray, because it has the same mark.
func (c *compiler) checkMarks(claims []Claim) {
	var escapes []escape
	for i := range claims {
		if e, ok := escapeOf(&claims[i]); ok {
			escapes = append(escapes, e)
		}
	}
	for _, claim := range claims {
		t := claim.Tunnel
		path, known := c.path(t)
		loops, detours := pinsPath(t), known && t.Peer.IsValid() && path != c.defaultPath(t)
		if !loops && !detours {
			continue
		}
		for _, e := range escapes {
			o := e.claim.Tunnel
			if o.Peer.Is4() != t.Peer.Is4() || !e.mark.Holds(t.Mark.Value) {
				continue
			}
			switch {
			case loops && e.table == routing.TableMain && e.priority < t.Priority:
				c.problem(claim, "ESP with the mark %s matches the rule of conn %q (%s) for %s, which leads to main; there scheme=%s leads it back into %s; give one of them another mark-out=",
					t.Mark, e.claim.Name, e.claim.Where, e.mark, t.Scheme, t.Link)
			case detours && o.Scheme == routing.MarkUnderlay && e.priority < escapePriority(t):
				c.problem(claim, "ESP with the mark %s matches the rule of conn %q (%s) for %s, whose table %s has the default route, and that is not the way to the peer %s; give one of them another mark-out=",
					t.Mark, e.claim.Name, e.claim.Where, e.mark, o.Table, t.Peer)
			}
		}
	}
}

// checkWider notes a rule for everything that the kernel would take for the
// same as one for a destination: it refuses the one after the other. The last
// of the two claims is told.
func (c *compiler) checkWider(claims []Claim) {
	index := map[string]int{}
	for i, claim := range claims {
		index[claim.Name] = i
	}
	for _, o := range c.want.State.Sorted() {
		narrow, ok := o.(routing.Rule)
		if !ok || !narrow.To.IsValid() {
			continue
		}
		wide := narrow
		wide.To = netip.Prefix{}
		owners := c.want.Owners[wide.Key()]
		if len(owners) == 0 {
			continue
		}
		a, b := index[c.want.Owners[narrow.Key()][0]], index[owners[0]]
		c.problem(claims[max(a, b)], "the kernel takes the rules %q and %q for the same, of conn %q and conn %q; give them different mark-out= or use scheme=overlay",
			narrow, wide, claims[a].Name, claims[b].Name)
	}
}

// escape is a rule by which ESP and IKE of this host get past a tunnel.
type escape struct {
	claim    *Claim
	mark     routing.Mark
	priority uint32
	table    routing.Table
}

// escapeOf returns the rule that leads packets with the mark of a claim
// to main or to a default route.
func escapeOf(c *Claim) (escape, bool) {
	t := c.Tunnel
	e := escape{c, t.Mark, escapePriority(t), routing.TableMain}
	if t.Scheme == routing.MarkUnderlay {
		e.table = t.Table
	}
	marks := t.Scheme == routing.Overlay || t.Scheme == routing.TwoRules || t.Scheme == routing.MarkUnderlay
	return e, marks && peerInside(t) && !t.ByPeer
}
