package routing

import "net/netip"

// Enclosed returns the rules and routes by which a VRF serves d, whose table is
// that of the VRF, or another network namespace, with main. The kernel looks it
// up for packets of the VRF or namespace alone, and ESP and IKE are none of
// those, so nothing has to escape. A peer's address does so if that was asked
// for, past tunnels outside of the VRF.
func (d Demand) Enclosed() Layout {
	var l Layout
	if d.ByPeer && d.Peer.IsValid() {
		d.escape(&l)
	}
	if !d.Attract {
		return l
	}
	dsts := []netip.Prefix{d.Dst}
	if d.Table == TableMain {
		dsts = halves(d.Dst) // a namespace may have a default route of its own
	}
	for _, dst := range dsts {
		l.through(d, dst, d.Table)
	}
	return l
}
