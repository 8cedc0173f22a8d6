package routing

// InVRF returns the rules and routes by which a VRF serves d, whose table is
// that of the VRF. The kernel looks it up for packets of the VRF alone, and ESP
// and IKE are none of those, so nothing has to escape. A peer's address does so
// if that was asked for, past tunnels outside of the VRF.
func (d Demand) InVRF() Layout {
	var l Layout
	if d.ByPeer && d.Peer.IsValid() {
		d.escape(&l)
	}
	if d.Attract {
		l.through(d, d.Dst, d.Table)
	}
	return l
}
