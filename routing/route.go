package routing

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// RouteType is the kind of a route (RTN_* of linux/rtnetlink.h). The zero
// value is invalid.
type RouteType uint8

// The route types that ipsecif makes or can put back. All but Unicast have no
// device.
const (
	Unicast     RouteType = 1
	Blackhole   RouteType = 6
	Unreachable RouteType = 7
	Prohibit    RouteType = 8
	Throw       RouteType = 9
)

var routeTypeNames = map[RouteType]string{Unicast: "unicast", Blackhole: "blackhole", Unreachable: "unreachable", Prohibit: "prohibit", Throw: "throw"}

// String returns the name of the type in ip-route(8), or its number.
func (t RouteType) String() string {
	if name, ok := routeTypeNames[t]; ok {
		return name
	}
	return "type " + strconv.Itoa(int(t))
}

// ParseRouteType reads the names that RouteType.String prints.
func ParseRouteType(s string) (RouteType, bool) {
	for t, name := range routeTypeNames {
		if s == name {
			return t, true
		}
	}
	return 0, false
}

// WorstMetric is the metric of a guard: the route that is used only when the
// one it guards is gone.
const WorstMetric = 1<<32 - 1

// defaultMetric6 is what the kernel makes of metric 0 for IPv6
// (IP6_RT_PRIO_USER of linux/ipv6_route.h).
const defaultMetric6 = 1024

// Route is one entry of a routing table. The zero value is no route.
type Route struct {
	Table    Table
	Type     RouteType
	Dst      netip.Prefix // masked; 0.0.0.0/0 or ::/0 for a default route
	TOS      uint8
	Metric   uint32 // RTA_PRIORITY; 0 is the best of IPv4, IPv6 has none below 1
	Dev      string // "" for types without a device
	Via      netip.Addr
	Src      netip.Addr // preferred source
	MTU      uint32     // bytes, RTAX_MTU; 0 for none
	Encap    Encap
	Protocol Protocol
	Other    string // attributes that ipsecif does not manage, for comparison and messages only
	// Behind says that a route of somebody else with the same key comes first,
	// as `ip route prepend` and append make it.
	Behind bool
}

// Key identifies the route as the kernel does: family, table, destination,
// type of service and metric. The protocol is no part of it.
func (r Route) Key() string {
	key := "route " + r.Table.String() + " " + r.Dst.String() + " tos " + strconv.Itoa(int(r.TOS)) +
		" metric " + strconv.FormatUint(uint64(r.Metric), 10)
	if r.Behind {
		key += " behind"
	}
	return key
}

// BesideOthers adds to Route.Other that the route shares its key with another.
func BesideOthers(other string) string {
	const mark = "beside others"
	if strings.HasSuffix(other, mark) {
		return other
	}
	return strings.TrimSpace(other + " " + mark)
}

// Front returns the key of the route that r is behind.
func (r Route) Front() string {
	r.Behind = false
	return r.Key()
}

// Mine reports whether ipsecif made the route: by its protocol, or for a guard,
// which has no device, by protocol and metric. The kernel itself makes no
// unreachable routes with the worst metric.
func (r Route) Mine() bool {
	if r.Type == Unreachable {
		return r.Protocol == ProtocolKernel && r.Metric == WorstMetric
	}
	return r.Protocol == ProtocolIpsecif
}

// Guard returns the route that lets nothing out when r is gone.
func (r Route) Guard() Route {
	return Route{Table: r.Table, Type: Unreachable, Dst: r.Dst, Metric: WorstMetric, Protocol: ProtocolKernel}
}

// String returns the route in the notation of `ip route add`.
func (r Route) String() string {
	var b strings.Builder
	if r.Type != Unicast {
		b.WriteString(r.Type.String() + " ")
	}
	if r.Dst.Bits() == 0 {
		b.WriteString("default")
	} else {
		b.WriteString(r.Dst.String())
	}
	if r.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", r.TOS)
	}
	if r.Via.IsValid() {
		if r.Via.Is6() && r.Dst.Addr().Is4() {
			b.WriteString(" via inet6 " + r.Via.String())
		} else {
			b.WriteString(" via " + r.Via.String())
		}
	}
	if r.Dev != "" {
		b.WriteString(" dev " + r.Dev)
	}
	b.WriteString(" table " + r.Table.String())
	if r.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", r.Metric)
	}
	if r.Src.IsValid() {
		b.WriteString(" src " + r.Src.String())
	}
	if r.MTU != 0 {
		fmt.Fprintf(&b, " mtu %d", r.MTU)
	}
	b.WriteString(" proto " + r.Protocol.String())
	if r.Encap.Set() {
		b.WriteString(" " + r.Encap.String())
	}
	if r.Other != "" {
		b.WriteString(" " + r.Other)
	}
	return b.String()
}

// normal returns the route as the kernel will show it: the prefix masked, the
// default metric of IPv6 spelled out.
func (r Route) normal() Route {
	r.Dst = r.Dst.Masked()
	if r.Metric == 0 && r.Dst.Addr().Is6() {
		r.Metric = defaultMetric6
	}
	return r
}

// Beats reports whether the kernel would choose r rather than other, of the
// same table, for packets to an address. The zero route never wins.
func (r Route) Beats(other Route, to netip.Addr) bool {
	switch {
	case !r.Dst.Contains(to):
		return false
	case other.Type == 0 || r.Dst.Bits() > other.Dst.Bits():
		return true
	}
	return r.Dst.Bits() == other.Dst.Bits() && r.Metric < other.Metric
}
