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

// checkMarks notes the tunnels whose ESP and IKE the rule of another one leads
// astray, because it has the same mark. The last of the two claims is told.
func (c *compiler) checkMarks(claims []Claim) {
	var toMain, toDefault []escape
	for i := range claims {
		switch t := &claims[i].Tunnel; {
		case !peerInside(*t) || t.ByPeer:
		case t.Scheme == routing.MarkUnderlay:
			toDefault = append(toDefault, escape{i, t, escapePriority(*t)})
		case t.Scheme == routing.Overlay, t.Scheme == routing.TwoRules:
			toMain = append(toMain, escape{i, t, escapePriority(*t)})
		}
	}
	for i := range claims {
		t := &claims[i].Tunnel
		if pinsPath(*t) {
			if e := firstFor(t, toMain, t.Priority); e != nil {
				c.problem(claims[max(i, e.claim)], "ESP of conn %q with the mark %s matches the rule of conn %q for %s, which leads to main; there scheme=%s leads it back into %s; give one of them another mark-out=",
					claims[i].Name, t.Mark, claims[e.claim].Name, e.Mark, t.Scheme, t.Link)
			}
		}
		if path, known := c.path(*t); len(toDefault) > 0 && known && !path.Joins(c.defaultPath(*t)) {
			if e := firstFor(t, toDefault, escapePriority(*t)); e != nil {
				c.problem(claims[max(i, e.claim)], "ESP of conn %q with the mark %s matches the rule of conn %q for %s, whose table %s has the default route, and that is not the way to the peer %s; give one of them another mark-out=",
					claims[i].Name, t.Mark, claims[e.claim].Name, e.Mark, e.Table, t.Peer)
			}
		}
	}
}

// escape is a rule that leads packets with the mark of a claim to main or to a
// default route, whatever their destination.
type escape struct {
	claim int // index
	*Tunnel
	priority uint32
}

// firstFor returns an escape before a priority that takes ESP of t.
func firstFor(t *Tunnel, escapes []escape, before uint32) *escape {
	for i := range escapes {
		e := &escapes[i]
		if e.priority < before && e.Mark.Holds(t.Mark.Value) && e.Peer.Is4() == t.Peer.Is4() {
			return e
		}
	}
	return nil
}

// checkWider notes a rule for everything that the kernel would take for the
// same as one for a destination: it refuses the one after the other. The last
// of the two claims is told.
func (c *compiler) checkWider(claims []Claim) {
	index := map[string]int{}
	for i, claim := range claims {
		index[claim.Name] = i
	}
	for _, narrow := range rulesIn(c.want.State, func(r routing.Rule) bool { return r.To.IsValid() }) {
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
