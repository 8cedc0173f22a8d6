package kernel

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

func (k *Kernel) routeRequest(op plan.Op, r routing.Route) (*nl.NetlinkRequest, error) {
	req := changeRequest(op.Verb, unix.RTM_NEWROUTE)
	switch {
	case op.Verb == plan.Replace:
		req.Flags ^= unix.NLM_F_EXCL | unix.NLM_F_REPLACE
	case op.Verb == plan.Add && r.Behind:
		req.Flags ^= unix.NLM_F_EXCL | unix.NLM_F_APPEND
	}
	head := nl.NewRtMsg()
	head.Family = uint8(routing.FamilyOf(r.Dst.Addr()))
	head.Dst_len = uint8(r.Dst.Bits())
	head.Tos = r.TOS
	head.Type = uint8(r.Type)
	head.Protocol = uint8(r.Protocol)
	head.Scope = usualScope(r.Type, r.Via.IsValid(), head.Family)
	if op.Verb == plan.Del {
		head.Scope = unix.RT_SCOPE_NOWHERE // any
	}
	head.Table = unix.RT_TABLE_UNSPEC
	req.AddData(head)
	req.AddData(nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(uint32(r.Table))))
	req.AddData(nl.NewRtAttr(unix.RTA_DST, r.Dst.Addr().AsSlice()))
	if r.Metric != 0 {
		req.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(r.Metric)))
	}
	switch {
	case r.Via.Is6() && r.Dst.Addr().Is4():
		// struct rtvia of linux/rtnetlink.h: the family, then the address.
		req.AddData(nl.NewRtAttr(unix.RTA_VIA, append(nl.Uint16Attr(unix.AF_INET6), r.Via.AsSlice()...)))
	case r.Via.IsValid():
		req.AddData(nl.NewRtAttr(unix.RTA_GATEWAY, r.Via.AsSlice()))
	}
	if r.Src.IsValid() {
		req.AddData(nl.NewRtAttr(unix.RTA_PREFSRC, r.Src.AsSlice()))
	}
	if r.MTU != 0 {
		metrics := nl.NewRtAttr(unix.RTA_METRICS, nil)
		metrics.AddRtAttr(unix.RTAX_MTU, nl.Uint32Attr(r.MTU))
		req.AddData(metrics)
	}
	encap, err := k.encapAttrs(r.Encap)
	if err != nil {
		return nil, err
	}
	for _, a := range encap {
		req.AddData(a)
	}
	if r.Dev != "" {
		index, err := k.index(r.Dev)
		if err != nil {
			return nil, err
		}
		req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(index)))
	}
	return req, nil
}

// usualScope returns the scope that `ip route` gives to a new route: link for
// one straight through a device.
func usualScope(t routing.RouteType, gateway bool, family uint8) uint8 {
	if t == routing.Unicast && !gateway && family == unix.AF_INET {
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_UNIVERSE
}
