package routing

// overlay serves a peer outside the destination by one route in main, and
// everything else from the demand's table.
func (d Demand) overlay() Layout {
	var l Layout
	isDefault := d.Dst.Bits() == 0
	if d.PeerInside() || d.ByPeer && d.Peer.IsValid() {
		d.escape(&l)
	}
	if !d.PeerInside() && !isDefault {
		if d.Attract {
			l.through(d, d.Dst, TableMain)
		}
		return l
	}
	family := FamilyOf(d.Dst.Addr())
	if !d.Attract {
		return l
	}
	l.rule(Rule{Family: family, Priority: d.priority(offsetSpecific), Table: d.Table, Suppress: 0})
	if !isDefault {
		l.through(d, d.Dst, d.Table)
		return l
	}
	if d.LocalLAN {
		l.rule(Rule{Family: family, Priority: d.priority(offsetLAN), Table: TableMain, Suppress: 0})
	}
	l.rule(Rule{Family: family, Priority: d.priority(offsetDefault), Table: d.Table, Suppress: NoSuppress})
	if d.Block {
		// The guard of a default route is a rule, not a route: an unreachable
		// default in the table would answer the first lookup, before the one
		// for the LAN, because suppress_prefixlength passes over routes that
		// are found and not over errors (fib_rules_lookup).
		l.rule(Rule{Family: family, Priority: d.priority(offsetGuard), Action: RejectUnreachable, Suppress: NoSuppress})
		d.Block = false
	}
	l.through(d, d.Dst, d.Table)
	return l
}

// escape lets ESP and IKE packets of this host past the table. "iif lo"
// confines it to packets made here: inbound SAs set the mark too, and a
// decrypted packet that is forwarded must not skip the table.
func (d Demand) escape(l *Layout) {
	r := Rule{
		Family: FamilyOf(d.Peer), Priority: d.priority(offsetEscape), Iif: "lo", Mark: d.Mark,
		Table: TableMain, Suppress: NoSuppress,
	}
	if d.ByPeer {
		// A throw route in the table would do for the tunnel alone, but not
		// beside the guard of a default route, which is behind the table.
		r.To, r.Mark = host(d.Peer), Mark{}
	}
	l.rule(r)
}

func (d Demand) priority(offset int64) uint32 { return uint32(int64(d.Priority) + offset) }
