package routing

// twoRules has a rule for the destination that looks the table up, and where
// the peer is inside one before it that leads ESP and IKE of this host to main.
func (d Demand) twoRules() Layout {
	var l Layout
	if d.PeerInside() {
		l.rule(Rule{
			Family: FamilyOf(d.Peer), Priority: d.priority(offsetTwoRulesEscape), Iif: "lo", Mark: d.Mark,
			Table: TableMain, Suppress: NoSuppress,
		})
	}
	if d.Attract {
		r := Rule{Family: FamilyOf(d.Dst.Addr()), Priority: d.Priority, To: d.to(), Table: d.Table, Suppress: NoSuppress}
		if !r.To.IsValid() {
			r.Priority = d.priority(offsetTwoRulesDefault)
		}
		l.rule(r)
		l.through(d, d.Dst, d.Table)
	}
	return l
}
