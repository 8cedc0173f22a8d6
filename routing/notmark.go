package routing

// notMark has one rule for all destinations: the table is for every packet but
// ESP and IKE of this host. Main is not touched, so its routes come last, those
// of the LAN too.
func (d Demand) notMark() Layout {
	var l Layout
	if !d.Attract && !d.PeerInside() {
		return l
	}
	// "not" turns the whole rule around. With "iif lo" in it, a decrypted packet
	// that is forwarded looks the table up although it carries the mark.
	l.rule(Rule{
		Family: FamilyOf(d.Dst.Addr()), Priority: d.Priority, Not: true, Iif: "lo", Mark: d.Mark,
		Table: d.Table, Suppress: NoSuppress,
	})
	if d.Attract {
		l.through(d, d.Dst, d.Table)
	}
	return l
}
