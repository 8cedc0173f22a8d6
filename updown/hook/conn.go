package hook

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
)

// Tunnel returns the conn as the event has it: base says what the configuration
// adds to that, as names, tables and what is done on loss; it may say nothing.
// Left is this host.
func (e Event) Tunnel(base conn.Conn) conn.Conn {
	c := base
	c.Name, c.LeftIsLocal = e.ClaimName(), true
	c.Left = conn.End{
		Host: conn.Host{Kind: conn.HostAddr, Addr: e.Me}, NextHop: conn.NextHop{Addr: e.NextHop},
		Subnets: selectors(e.Ours), SourceIPs: e.Sources, InterfaceIPs: e.Addrs, VTI: e.VTIAddr, CAT: e.CAT,
	}
	if e.NextHop.IsValid() {
		c.Left.NextHop.Kind = conn.NextHopAddr
	}
	c.Right = conn.End{Host: conn.Host{Kind: conn.HostAny}, Subnets: selectors(e.Theirs)}
	if e.Peer.IsValid() {
		c.Right.Host = conn.Host{Kind: conn.HostAddr, Addr: e.Peer}
	}
	c.Family = conn.IPv6
	if e.Me.Is4() {
		c.Family = conn.IPv4
	}
	if e.IfID != c.Interface.IfID {
		c.Interface, c.External = conn.InterfaceOf(e.IfID), false
	}
	if e.IfID == 0 {
		c.Interface = conn.Interface{}
	}
	c.IfID = e.IfID
	c.MarkIn, c.MarkOut, c.VTI = e.MarkIn, e.MarkOut, e.VTI
	if e.Daemon == Charon {
		c.MarkOut = conn.Mark{} // its mark is for policies; that of encrypted packets is with the SAs
	}
	c.Metric, c.MTU, c.NflogGroup = e.orElse(e.Metric, base.Metric), e.orElse(e.MTU, base.MTU), e.NFLog
	c.AcceptHost = base.AcceptHost || e.HostAccess
	if e.Accept != nil {
		c.Accept = e.Accept
	}
	if e.Daemon == Pluto && c.ProxyARP == conn.ProxyARPUnset && c.VRF == "" && c.Netns == "" {
		c.ProxyARP = conn.ProxyARPYes // as libreswan's own hook
	}
	c.PolicyBased, c.ForceRoute = c.Link() == "", e.AlwaysRoute
	return c
}

// orElse returns what the event says. charon has no words for some things, so
// that the configuration may say them.
func (e Event) orElse(said, configured uint32) uint32 {
	if e.Daemon == Charon && said == 0 {
		return configured
	}
	return said
}

func selectors(nets []netip.Prefix) []conn.Selector {
	var all []conn.Selector
	for _, n := range nets {
		all = append(all, conn.Selector{Prefix: n})
	}
	return all
}

// PeerInside reports whether encrypted packets to the peer would be taken for
// such as the tunnel protects.
func (e Event) PeerInside() bool {
	return e.Peer.IsValid() && slices.ContainsFunc(e.Theirs, func(n netip.Prefix) bool { return n.Contains(e.Peer) })
}
