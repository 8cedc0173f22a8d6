package routing

import "net/netip"

// markUnderlay serves every destination by a route in main; when the peer is
// inside, ESP and IKE of this host look up the table, which has the default
// route that main has at the moment. "iif lo" keeps decrypted packets that are
// forwarded out of it: they carry the mark, and would leave by that route.
func (d Demand) markUnderlay() Layout {
	var l Layout
	if d.PeerInside() {
		if d.Default.Dev != "" {
			l.route(Route{
				Table: d.Table, Type: Unicast, Dst: everything(d.Peer), Dev: d.Default.Dev, Via: d.Default.Via,
				Protocol: ProtocolIpsecif,
			})
		}
		if !d.Path.Joins(d.Default) {
			l.toPeer(d)
		}
		l.rule(Rule{
			Family: FamilyOf(d.Peer), Priority: d.Priority, Iif: "lo", Mark: d.Mark,
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

// everything returns the prefix that holds all addresses of the family of a.
func everything(a netip.Addr) netip.Prefix {
	p, _ := a.Prefix(0)
	return p
}
