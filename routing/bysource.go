package routing

import "net/netip"

// SourceTable is the table of what this host sends by itself to destinations
// that are routed by source. The tables after it are those for packets from the
// sources, one for each if_id. Nobody is known to use tables up there.
const SourceTable Table = 50_000_000

// SourceTableOf returns the table of the tunnels with an if_id, and false when
// there is none, because the number is too large.
func SourceTableOf(ifID uint32) (Table, bool) {
	t := SourceTable + Table(ifID)
	return t, t > SourceTable
}

// SourcePriority is the default priority of conns that are routed by source.
// Their rules come before those of conns with a default route for everybody.
const SourcePriority uint32 = 90

// bySource serves the packets from some sources only, so that others reach the
// destination in another way: a rule for each source looks up a table that has
// no routes but those of one interface.
func (d Demand) bySource() Layout {
	var l Layout
	if d.PeerInside() || d.ByPeer && d.Peer.IsValid() {
		d.escape(&l)
	}
	if !d.Attract {
		return l
	}
	for _, from := range d.From {
		d.fromSource(&l, from)
	}
	if d.Dst.Bits() == 0 {
		d.Block = false // its guard is a rule, as in the overlay scheme
		l.through(d, d.Dst, d.Table)
		return l
	}
	l.through(d, d.Dst, d.Table)
	if d.Src.IsValid() {
		// A packet that is made here has no source before it is routed, so none
		// of the rules above is for it. They are for what it becomes then.
		l.rule(Rule{Family: FamilyOf(d.Dst.Addr()), Priority: d.priority(offsetOwn), Iif: "lo", Table: SourceTable, Suppress: 0})
		l.through(d, d.Dst, SourceTable)
	}
	return l
}

// fromSource is the rules for one source.
func (d Demand) fromSource(l *Layout, from netip.Prefix) {
	if from.Bits() == 0 {
		from = netip.Prefix{} // all, as the kernel shows it
	}
	r := Rule{
		Family: FamilyOf(d.Dst.Addr()), Priority: d.priority(offsetSpecific), From: from, To: d.to(),
		Table: d.Table, Suppress: NoSuppress,
	}
	if d.Dst.Bits() > 0 {
		l.rule(r)
		return
	}
	if d.LocalLAN {
		lan := r
		lan.Priority, lan.Table, lan.Suppress = d.priority(offsetLAN), TableMain, 0
		l.rule(lan)
	}
	r.Priority = d.priority(offsetDefault)
	l.rule(r)
	if d.Block {
		guard := r
		guard.Priority, guard.Table, guard.Action = d.priority(offsetGuard), 0, RejectUnreachable
		l.rule(guard)
	}
}
