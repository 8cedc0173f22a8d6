package kernel

import (
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// routeFilter says which routes a dump is to return.
type routeFilter struct {
	family   routing.Family
	table    routing.Table     // 0: of every table
	protocol routing.Protocol  // 0: of every protocol
	kind     routing.RouteType // 0: of every type
	oif      uint32            // index of a link; 0: of every link and of none
}

// routes adds the routes of some tables to the state, and our own of any
// other table.
func (k *Kernel) routes(s plan.State, tables []routing.Table, links *linkTable) error {
	tables = slices.Compact(slices.Sorted(slices.Values(tables)))
	for _, family := range []routing.Family{routing.IPv4, routing.IPv6} {
		for _, t := range tables {
			each := func(r routing.Route) { putRoute(s, r) }
			if err := k.dumpRoutes(routeFilter{family: family, table: t}, links, each); err != nil {
				return err
			}
		}
		// What the tables have shown is not put a second time: it would look
		// like two routes.
		each := func(r routing.Route) {
			if _, read := slices.BinarySearch(tables, r.Table); !read {
				putRoute(s, r)
			}
		}
		if err := k.dumpRoutes(routeFilter{family: family, protocol: routing.ProtocolIpsecif}, links, each); err != nil {
			return err
		}
	}
	return nil
}

// dumpRoutes calls each for every route of a dump, in the kernel's order.
func (k *Kernel) dumpRoutes(f routeFilter, links *linkTable, each func(routing.Route)) error {
	newRequest := func() *nl.NetlinkRequest {
		req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
		head := &nl.RtMsg{}
		head.Family, head.Protocol, head.Type = uint8(f.family), uint8(f.protocol), uint8(f.kind)
		req.AddData(head)
		if f.table != 0 {
			req.AddData(nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(uint32(f.table))))
		}
		if f.oif != 0 {
			req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(f.oif)))
		}
		return req
	}
	var found []routing.Route
	err := k.dumps.dump("routes", unix.RTM_NEWROUTE, newRequest, func() { found = nil }, func(msg []byte) {
		head := nl.DeserializeRtMsg(msg)
		// Without IPv6 the kernel answers with the routes of other families.
		if head.Flags&unix.RTM_F_CLONED != 0 || head.Family != uint8(f.family) {
			return
		}
		r := parseRoute(head, attrs(msg[head.Len():]), links)
		// Before Linux 4.20 the kernel filters nothing.
		matches := (f.table == 0 || f.table == r.Table) && (f.protocol == 0 || f.protocol == r.Protocol) &&
			(f.kind == 0 || f.kind == r.Type) && (f.oif == 0 || r.Dev == links.name(f.oif))
		if matches && !isNoise(r) {
			found = append(found, r)
		}
	})
	for _, r := range found {
		each(r)
	}
	return err
}

// isNoise reports whether a route is one of those that the kernel makes for
// the link-local and multicast addresses of every link, or in the table of a VRF
// for local and broadcast addresses.
func isNoise(r routing.Route) bool {
	dst := r.Dst.Addr()
	switch r.Type {
	case unix.RTN_LOCAL, unix.RTN_BROADCAST, unix.RTN_ANYCAST, unix.RTN_MULTICAST:
		return r.Protocol == routing.ProtocolKernel
	}
	return (dst.IsLinkLocalUnicast() || dst.IsMulticast()) && r.Protocol == routing.ProtocolKernel && !r.Mine()
}

// putRoute adds a route to the state. `ip route prepend` and append make
// several routes with one key. Of these the state has the one that decides: in
// IPv4 the first, in IPv6, which may use any, the first that is not ours.
// Unless it is ours, it is marked, so that it never passes for a wanted one, and
// ours is in the state too, as one behind it.
func putRoute(s plan.State, r routing.Route) {
	first, twin := s[r.Key()].(routing.Route)
	if !twin {
		s.Put(r)
		return
	}
	if first.Mine() && !r.Mine() && r.Dst.Addr().Is6() {
		first, r = r, first
	}
	if !first.Mine() {
		first.Other = routing.BesideOthers(first.Other)
		if r.Mine() {
			r.Behind = true
			s.Put(r)
		}
	}
	s.Put(first)
}

func parseRoute(head *nl.RtMsg, a map[uint16][]byte, links *linkTable) routing.Route {
	r := routing.Route{
		Table:    routing.Table(number(a[unix.RTA_TABLE])),
		Type:     routing.RouteType(head.Type),
		Dst:      prefix(a[unix.RTA_DST], head.Dst_len, head.Family),
		TOS:      head.Tos,
		Metric:   number(a[unix.RTA_PRIORITY]),
		Via:      address(a[unix.RTA_GATEWAY]),
		Src:      address(a[unix.RTA_PREFSRC]),
		MTU:      number(attrs(a[unix.RTA_METRICS])[unix.RTAX_MTU]),
		Encap:    parseEncap(a, links),
		Protocol: routing.Protocol(head.Protocol),
		Other:    otherOfRoute(head, a),
	}
	if via := a[unix.RTA_VIA]; len(via) > 2 {
		r.Via = address(via[2:]) // after its 16-bit family
	}
	// IPv6 shows lo as the device of routes that have none.
	if r.Type == routing.Unicast {
		r.Dev = links.name(number(a[unix.RTA_OIF]))
	}
	return r
}
