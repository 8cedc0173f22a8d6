package kernel

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes that netlink's and unix's lists lack (linux/rtnetlink.h).
const (
	rtaVia  = 18
	rtaNHID = 30
)

// routeFilter says which routes a dump is to return.
type routeFilter struct {
	family   routing.Family
	table    routing.Table    // 0: of every table
	protocol routing.Protocol // 0: of every protocol
}

// routes adds the routes of some tables to the state, and our own of any
// table.
func (k *Kernel) routes(s plan.State, tables []routing.Table, names map[uint32]string) error {
	for _, family := range []routing.Family{routing.IPv4, routing.IPv6} {
		filters := []routeFilter{{family: family, protocol: routing.ProtocolIpsecif}}
		for _, t := range tables {
			filters = append(filters, routeFilter{family: family, table: t})
		}
		for _, f := range filters {
			if err := k.dumpRoutes(s, f, names); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *Kernel) dumpRoutes(s plan.State, f routeFilter, names map[uint32]string) error {
	newRequest := func() *nl.NetlinkRequest {
		req := request(k.dumps, unix.RTM_GETROUTE, unix.NLM_F_DUMP)
		head := &nl.RtMsg{}
		head.Family, head.Protocol = uint8(f.family), uint8(f.protocol)
		req.AddData(head)
		if f.table != 0 {
			req.AddData(nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(uint32(f.table))))
		}
		return req
	}
	return dump("routes", unix.RTM_NEWROUTE, newRequest, func(msg []byte) {
		head := nl.DeserializeRtMsg(msg)
		if head.Flags&unix.RTM_F_CLONED != 0 {
			return
		}
		r := parseRoute(head, attrs(msg[head.Len():]), names)
		// Before Linux 4.20 the kernel filters nothing.
		matches := (f.table == 0 || f.table == r.Table) && (f.protocol == 0 || f.protocol == r.Protocol)
		if !matches || r.Dst.Addr().IsLinkLocalUnicast() || r.Dst.Addr().IsMulticast() {
			return
		}
		if _, ok := s[r.Key()]; !ok {
			s.Put(r)
		}
	})
}

func parseRoute(head *nl.RtMsg, a map[uint16][]byte, names map[uint32]string) routing.Route {
	r := routing.Route{
		Table:    routing.Table(number(a[unix.RTA_TABLE])),
		Type:     routing.RouteType(head.Type),
		Dst:      prefix(a[unix.RTA_DST], head.Dst_len, head.Family),
		TOS:      head.Tos,
		Metric:   number(a[unix.RTA_PRIORITY]),
		Via:      address(a[unix.RTA_GATEWAY]),
		Src:      address(a[unix.RTA_PREFSRC]),
		MTU:      number(attrs(a[unix.RTA_METRICS])[unix.RTAX_MTU]),
		Protocol: routing.Protocol(head.Protocol),
		Other:    otherAttrs(a),
	}
	if via := a[rtaVia]; len(via) > 2 {
		r.Via = address(via[2:]) // after its 16-bit family
	}
	// IPv6 shows lo as the device of routes that have none.
	if r.Type == routing.Unicast {
		r.Dev = names[number(a[unix.RTA_OIF])]
	}
	return r
}

// otherAttrs names what makes a route more than ipsecif could restore.
func otherAttrs(a map[uint16][]byte) string {
	var other []string
	for attr, name := range map[uint16]string{unix.RTA_MULTIPATH: "nexthop", unix.RTA_ENCAP: "encap", unix.RTA_SRC: "from"} {
		if a[attr] != nil {
			other = append(other, name+" …")
		}
	}
	if id := number(a[rtaNHID]); id != 0 {
		other = append(other, fmt.Sprintf("nhid %d", id))
	}
	return strings.Join(other, " ")
}

func (k *Kernel) routeRequest(op plan.Op, r routing.Route) (*nl.NetlinkRequest, error) {
	msgType, flags := unix.RTM_NEWROUTE, unix.NLM_F_ACK|unix.NLM_F_CREATE
	switch op.Verb {
	case plan.Add:
		flags |= unix.NLM_F_EXCL
	case plan.Replace:
		flags |= unix.NLM_F_REPLACE
	case plan.Del:
		msgType, flags = unix.RTM_DELROUTE, unix.NLM_F_ACK
	}
	req := request(k.change, msgType, flags)
	head := nl.NewRtMsg()
	head.Family = uint8(routing.FamilyOf(r.Dst.Addr()))
	head.Dst_len = uint8(r.Dst.Bits())
	head.Tos = r.TOS
	head.Type = uint8(r.Type)
	head.Protocol = uint8(r.Protocol)
	head.Scope = scope(op, r)
	head.Table = unix.RT_TABLE_UNSPEC
	req.AddData(head)
	req.AddData(nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(uint32(r.Table))))
	req.AddData(nl.NewRtAttr(unix.RTA_DST, r.Dst.Addr().AsSlice()))
	if r.Metric != 0 {
		req.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(r.Metric)))
	}
	if r.Via.IsValid() {
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
	if r.Dev != "" {
		index, err := k.index(r.Dev)
		if err != nil {
			return nil, err
		}
		req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(index)))
	}
	return req, nil
}

// scope returns what `ip route` would: link for a route straight through a
// device, any on deletion.
func scope(op plan.Op, r routing.Route) uint8 {
	switch {
	case op.Verb == plan.Del:
		return unix.RT_SCOPE_NOWHERE
	case r.Type == routing.Unicast && !r.Via.IsValid() && r.Dst.Addr().Is4():
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_UNIVERSE
}

// path returns how packets of this host with a mark leave for an address, the
// zero Path when they do not.
func (k *Kernel) path(q plan.PathQuery, names map[uint32]string) (p routing.Path) {
	found, err := k.handle.RouteGetWithOptions(q.To.AsSlice(), &netlink.RouteGetOptions{Mark: q.Mark})
	if err != nil || len(found) == 0 || found[0].Type != unix.RTN_UNICAST {
		return p
	}
	p.Dev = names[uint32(found[0].LinkIndex)]
	if via, ok := netip.AddrFromSlice(found[0].Gw); ok {
		p.Via = via.Unmap()
	}
	return p
}
