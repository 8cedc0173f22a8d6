package plan

import "github.com/ipsecif/ipsecif/routing"

// relaxesRPFilter reports whether a tunnel needs what relaxRPFilter does.
func (t Tunnel) relaxesRPFilter() bool {
	return peerInside(t) && !t.ByPeer && t.Peer.Is4() && !t.enclosed()
}

// relaxRPFilter lets ESP in although its source, the peer, is routed into the
// tunnel: strict reverse path filtering would drop it on the underlay device,
// and what it carries on the xfrm interface.
func (c *compiler) relaxRPFilter(claim Claim) {
	rp, link := c.facts.RPFilter, claim.Tunnel.Link
	if rp.strict(rp.Default) || rp.strict(rp.Links[link]) {
		c.put(claim, loose(link))
	}
	path, ok := c.path(claim.Tunnel)
	if !ok {
		c.want.PathUnknown = true
	} else if rp.strict(rp.Links[path.Dev]) {
		c.put(claim, loose(path.Dev))
	}
}

// loose is reverse path filtering that a packet passes by any route.
func loose(link string) routing.Sysctl {
	return routing.Sysctl{Link: link, Name: routing.SysctlRPFilter, Value: routing.RPFilterLoose}
}
