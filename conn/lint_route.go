package conn

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// tableMain stands for the table that every host has for its own routes
// (RT_TABLE_MAIN of linux/rtnetlink.h).
const tableMain = 254

// defaultMetric6 is the metric of an IPv6 route that is given none
// (IP6_RT_PRIO_USER of linux/ipv6_route.h).
const defaultMetric6 = 1024

// routeKey is what the kernel allows one route for.
type routeKey struct {
	table, metric uint32
	dst           netip.Prefix
}

// route leads into a tunnel.
type route struct {
	*tunnel
	routeKey
	priority uint32 // of the rule that looks it up
	src      netip.Addr
	ours     netip.Prefix // invalid when it is not known
}

// String returns how the route differs from others in its place.
func (r *route) String() string {
	var b strings.Builder
	b.WriteString("dev " + r.Interface.Name)
	if r.External {
		b.WriteString(" if_id " + decimal(uint64(r.Interface.IfID)))
	}
	if r.src.IsValid() {
		b.WriteString(" src " + r.src.String())
	}
	if r.MTU != 0 {
		b.WriteString(" mtu " + decimal(uint64(r.MTU)))
	}
	return b.String()
}

// routes finds conns that need different routes in one place, and routes that
// are never found because another one is found first.
func (l *linter) routes() {
	mainPriority := l.mainPriorities()
	byKey := map[routeKey]*route{}
	first := map[netip.Prefix]*route{} // looked up first
	var all []*route
	for i := range l.tunnels {
		t := &l.tunnels[i]
		if t.enclosed() {
			continue // its routes are in tables of their own
		}
		for _, d := range t.demands {
			if !d.attracts() || t.RouteBy == RouteBySource {
				continue
			}
			r := l.route(t, d, mainPriority)
			all = append(all, r)
			if other := byKey[r.routeKey]; other == nil {
				byKey[r.routeKey] = r
			} else if other.String() != r.String() {
				l.routeClash(r, other)
			}
			if f := first[r.dst]; f == nil || r.before(f) {
				first[r.dst] = r
			}
		}
	}
	l.netClashes(all)
	for _, r := range all {
		l.shadowed(r, first)
	}
}

// before tells whether r is found before another route to the same net.
func (r *route) before(o *route) bool {
	return cmp.Or(cmp.Compare(r.priority, o.priority), cmp.Compare(r.metric, o.metric)) < 0
}

// familyIndex is the index of a family in mainPriorities.
func familyIndex(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 0
	}
	return 1
}

// mainPriorities returns the priority at which routes of main are looked up,
// for IPv4 and IPv6: a tunnel with a default route asks for them before its
// own, unless the LAN is to go through the tunnel too.
func (l *linter) mainPriorities() [2]uint32 {
	ps := [2]uint32{maxRulePriority + 1, maxRulePriority + 1}
	for i := range l.tunnels {
		t := &l.tunnels[i]
		if t.enclosed() {
			continue // its routes are in tables of their own
		}
		for _, d := range t.demands {
			if i := familyIndex(d.theirs); d.isDefault() && d.attracts() && schemeOf(t.Conn) == SchemeOverlay && t.RouteBy != RouteBySource && !t.lanInTunnel() {
				ps[i] = min(ps[i], placeOf(t.Conn).priority-1)
			}
		}
	}
	return ps
}

// route returns where the route for a demand goes.
func (l *linter) route(t *tunnel, d demand, mainPriority [2]uint32) *route {
	p := placeOf(t.Conn)
	r := &route{tunnel: t, routeKey: routeKey{table: p.table, metric: t.Metric, dst: d.theirs}, src: l.source(t, d), ours: d.ours}
	if s := schemeOf(t.Conn); inMain(s) || s == SchemeOverlay && !d.inside && !d.isDefault() {
		r.table, r.priority = tableMain, mainPriority[familyIndex(d.theirs)]
	} else {
		r.priority = attractPriority(t.Conn, d.isDefault())
	}
	if d.theirs.Addr().Is6() && r.metric == 0 {
		r.metric = defaultMetric6
	}
	return r
}

// source returns the preferred source of the route for a demand.
func (l *linter) source(t *tunnel, d demand) netip.Addr {
	ours, _ := t.Ends(t.ours)
	for _, a := range sources(ours, d) {
		if d.ours.Contains(a) {
			return a
		}
	}
	if schemeOf(t.Conn) != SchemeUnderlay && d.ours.IsValid() && d.ours.IsSingleIP() {
		for _, a := range l.host.Locals.Addrs {
			if a.Addr == d.ours.Addr() {
				return a.Addr
			}
		}
	}
	return netip.Addr{}
}

// sources returns the addresses that may be the preferred source of the route
// for a demand. A single address of the interface is left to the kernel.
func sources(ours *End, d demand) []netip.Addr {
	if !d.ours.IsValid() || len(ours.InterfaceIPs) == 0 {
		return ours.SourceIPs
	}
	var addrs []netip.Addr
	for _, a := range ours.InterfaceIPs {
		if a.Addr().Is4() == d.ours.Addr().Is4() {
			addrs = append(addrs, a.Addr())
		}
	}
	if len(addrs) == 1 {
		return nil
	}
	return addrs
}

func (l *linter) routeClash(r, other *route) {
	hint := "a larger metric= makes one of them the spare of the other"
	if r.ours.IsValid() && other.ours.IsValid() && !r.ours.Overlaps(other.ours) {
		hint += ", route-by=source in both gives each the packets of its own subnet"
	}
	if r.Interface == other.Interface {
		hint = "give both the same sourceip= and mtu=, or one of them a metric="
	}
	l.warn(r.Conn, r.selectorKey(), CodeRouteClash, fmt.Sprintf("the route to %s is %q here and %q in conn %q (%s), so only one of the two can be up",
		r.dst, r, other, other.Name, other.Pos), hint)
}

// selectorKey is the key that has the remote selectors.
func (t *tunnel) selectorKey() string {
	side := t.ours.Other().String()
	for _, key := range []string{side + "subnets", side + "subnet"} {
		if t.KeyPos(key) != t.Pos {
			return key
		}
	}
	return side
}

// shadowed finds the route, of another conn, that takes the packets for r. The
// kernel looks for the longest prefix in one table only, so a shorter one in a
// table that is looked up before wins.
func (l *linter) shadowed(r *route, first map[netip.Prefix]*route) {
	winner := r
	for n := r.dst.Bits(); n >= 0; n-- {
		p, _ := r.dst.Addr().Prefix(n)
		if f := first[p]; f != nil && f.priority < winner.priority {
			winner = f
		}
	}
	if winner == r || winner.Interface == r.Interface {
		return
	}
	hint := "give both conns the same table= and rule-priority=, there the longest prefix wins"
	switch {
	case r.table == tableMain && tableFirst(schemeOf(winner.Conn)):
		hint = "scheme=overlay lets the routes of main win"
	case r.table == tableMain && winner.dst.Bits() == 0:
		hint = "local-lan=direct lets the routes of main win"
	case r.table == tableMain:
		hint = "scheme=underlay has both in main, where the longest prefix wins"
	}
	l.warn(r.Conn, r.selectorKey(), CodeShadowedRoute, fmt.Sprintf("while conn %q (%s) is up, packets for %s go into %s: its route to %s is in table %d, which is looked up before table %s",
		winner.Name, winner.Pos, r.dst, winner.Interface.Name, winner.dst, winner.table, tableName(r.table)), hint)
}

func tableName(t uint32) string {
	if name, ok := reservedTables[t]; ok {
		return name
	}
	return decimal(uint64(t))
}
