package routing

import "net/netip"

// underlay serves every destination by a route in main; when the peer is
// inside, or its packets carry a mark that was asked for, marked packets find
// the peer in the demand's table.
func (d Demand) underlay() Layout {
	var l Layout
	sameFamily := d.Peer.IsValid() && d.Peer.Is4() == d.Dst.Addr().Is4()
	if sameFamily && (d.PeerInside() || d.MarkOut) {
		l.toPeer(d)
		l.rule(Rule{
			Family: FamilyOf(d.Peer), Priority: d.Priority, To: d.to(), Mark: d.Mark,
			Table: d.Table, Suppress: NoSuppress,
		})
	}
	if d.Attract {
		for _, dst := range halves(d.Dst) {
			l.through(d, dst, TableMain)
		}
	}
	return l
}

// to is the destination of the rule: none for a default route, as the kernel
// shows it.
func (d Demand) to() netip.Prefix {
	if d.Dst.Bits() == 0 {
		return netip.Prefix{}
	}
	return d.Dst
}

// halves splits a default route in two, so that it wins over the one in main
// without replacing it.
func halves(dst netip.Prefix) []netip.Prefix {
	switch {
	case dst.Bits() > 0:
		return []netip.Prefix{dst}
	case dst.Addr().Is4():
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/1")}
	}
	return []netip.Prefix{netip.MustParsePrefix("::/1"), netip.MustParsePrefix("8000::/1")}
}
