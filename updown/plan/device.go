package plan

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Device returns the link that a tunnel needs, the zero Link for none.
func (t Tunnel) Device() xfrmi.Link {
	if t.PolicyBased {
		return xfrmi.Link{}
	}
	if t.VTI != (VTI{}) {
		return t.VTI.device(t.Link)
	}
	return device(t.Link, t.IfID, t.External)
}

// DeviceOf returns the link that a conn needs. A VTI device lacks its addresses:
// they are not known before the conn is resolved.
func DeviceOf(c *conn.Conn) xfrmi.Link {
	if c.Link() == "" {
		return xfrmi.Link{}
	}
	if usesVTI(c) {
		return VTI{}.device(c.VTI.Device)
	}
	return device(c.Interface.Name, xfrmi.IfID(c.Interface.IfID), c.External)
}

func device(name string, id xfrmi.IfID, external bool) xfrmi.Link {
	l := xfrmi.Link{Name: name, Kind: xfrmi.Kind, IfID: id, Mine: true}
	if external {
		l.IfID, l.External = 0, true
	}
	return l
}

// encap returns what routes through the link have to tell it.
func (t Tunnel) encap() routing.Encap {
	if !t.External {
		return routing.Encap{}
	}
	return routing.Encap{IfID: uint32(t.IfID)}
}

// single returns addresses without their nets. The kernel makes a route to the
// net of an address, and that tells an external interface no if_id.
func single(addrs []netip.Prefix) []netip.Prefix {
	var hosts []netip.Prefix
	for _, a := range addrs {
		hosts = append(hosts, netip.PrefixFrom(a.Addr(), a.Addr().BitLen()))
	}
	return hosts
}
