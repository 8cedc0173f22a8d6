// Package pluto says what libreswan's pluto says to its hook.
package pluto

import (
	"fmt"
	"net"
	"net/netip"
)

// Conn is a conn of IPv4 of a host that pluto has on the device eth0.
type Conn struct {
	Name         string
	Link         string // the xfrm interface, "" for none
	IfID         uint32
	Me, Peer     netip.Addr
	NextHop      netip.Addr
	Ours, Theirs netip.Prefix
	Source       netip.Addr // invalid: none
	Reqid        int
}

// Roadwarrior is the most that a single conn asks for: all that it sends goes
// through the tunnel, and comes from an address that the gateway has given it.
// Link and IfID are those of the xfrm interface, if there is one.
func Roadwarrior(link string, ifID uint32) Conn {
	inner := netip.MustParseAddr("192.0.2.101")
	return Conn{
		Name: "road", Link: link, IfID: ifID, Reqid: 16389, Source: inner, Ours: netip.PrefixFrom(inner, 32),
		Me: netip.MustParseAddr("192.1.3.209"), Peer: netip.MustParseAddr("192.1.2.23"),
		NextHop: netip.MustParseAddr("192.1.3.254"), Theirs: netip.MustParsePrefix("0.0.0.0/0"),
	}
}

// Environment returns the whole environment that pluto 5.2 gives its hook.
func (c Conn) Environment(verb string) []string {
	link, route, mark, source := "NULL", "", "", ""
	if c.Link != "" {
		link, route = c.Link, "yes"
		if c.Theirs.Contains(c.Peer) {
			mark = fmt.Sprintf("%d/0xffffffff", c.IfID)
		}
	}
	if c.Source.IsValid() {
		source = c.Source.String()
	}
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"PLUTO_VERB=" + verb,
		"PLUTO_CONNECTION=" + c.Name,
		"PLUTO_CONNECTION_TYPE=tunnel",
		"PLUTO_CONN_KIND=CK_PERMANENT",
		"PLUTO_VIRT_INTERFACE=" + link,
		"PLUTO_INTERFACE=eth0",
		"PLUTO_XFRMI_ROUTE=" + route,
		"PLUTO_XFRMI_FWMARK=" + mark,
		"PLUTO_NEXT_HOP=" + c.NextHop.String(),
		"PLUTO_ME=" + c.Me.String(),
		"PLUTO_MY_ID=" + c.Me.String(),
		"PLUTO_CLIENT_FAMILY=ipv4",
		"PLUTO_CONN_ADDRFAMILY=ipv4",
		"PLUTO_MY_CLIENT=" + c.Ours.String(),
		"PLUTO_MY_CLIENT_NET=" + c.Ours.Addr().String(),
		"PLUTO_MY_CLIENT_MASK=" + mask(c.Ours),
		"PLUTO_MY_PORT=0",
		"PLUTO_MY_PROTOCOL=0",
		"PLUTO_MY_SOURCEIP=" + source,
		fmt.Sprintf("PLUTO_SA_REQID=%d", c.Reqid),
		"PLUTO_SA_TYPE=ESP",
		"PLUTO_PEER=" + c.Peer.String(),
		"PLUTO_PEER_ID=" + c.Peer.String(),
		"PLUTO_PEER_CLIENT=" + c.Theirs.String(),
		"PLUTO_PEER_CLIENT_NET=" + c.Theirs.Addr().String(),
		"PLUTO_PEER_CLIENT_MASK=" + mask(c.Theirs),
		"PLUTO_PEER_PORT=0",
		"PLUTO_PEER_PROTOCOL=0",
		"PLUTO_PEER_CA=",
		"PLUTO_STACK=xfrm",
		"PLUTO_ADDTIME=0",
		"PLUTO_CONN_POLICY=IKEv2+PSK+ENCRYPT+TUNNEL+PFS+IKE_FRAG_ALLOW+ESN_YES",
		"PLUTO_IS_PEER_CISCO=0",
		"PLUTO_PEER_DNS_INFO=",
		"PLUTO_PEER_DOMAIN_INFO=",
		"PLUTO_PEER_BANNER=",
		"PLUTO_CFG_SERVER=0",
		"PLUTO_CFG_CLIENT=0",
		"PLUTO_NM_CONFIGURED=0",
		"VTI_IFACE=",
		"VTI_ROUTING=no",
		"VTI_SHARED=no",
	}
}

func mask(p netip.Prefix) string { return net.IP(net.CIDRMask(p.Bits(), 32)).String() }
