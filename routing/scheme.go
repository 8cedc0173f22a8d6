package routing

import "net/netip"

// Scheme is a way to send a conn's traffic into its xfrm interface and to keep
// its ESP and IKE packets out of it. The schemes mean different things by the
// table, so a table holds routes of one scheme only.
type Scheme string

const (
	// Overlay puts the tunnel's routes into the table and leaves main alone: an
	// escape rule sends marked ESP and IKE packets through main, so they follow
	// DHCP and roaming. It is the default.
	Overlay Scheme = "overlay"
	// Underlay is the layout of libreswan's _updown.xfrm: the tunnel's routes
	// are in main, the table holds a route to the peer through the next hop of
	// the moment.
	Underlay Scheme = "underlay"
	// NotMark puts the tunnel's routes into the table and looks it up by one
	// rule, for every packet but the marked ESP and IKE packets of this host.
	NotMark Scheme = "not-mark"
	// MarkUnderlay leads the tunnel's routes through main; marked ESP and IKE
	// packets look up the table, which has a copy of the default route of main.
	MarkUnderlay Scheme = "mark-underlay"
	// TwoRules puts the tunnel's routes into the table and has a rule for each
	// destination to look it up, behind one for marked ESP and IKE packets.
	TwoRules Scheme = "two-rules"
)

// InMain reports whether the tunnels' routes are in main, and the table has
// the way of the ESP and IKE packets.
func (s Scheme) InMain() bool { return s == Underlay || s == MarkUnderlay }

// LocalLAN reports whether the host's own nets win over the default route of a
// tunnel, and whether the layout leaves no choice.
func (s Scheme) LocalLAN() (direct, fixed bool) {
	switch s {
	case Underlay, MarkUnderlay:
		return true, true // the longest prefix of main wins
	case NotMark, TwoRules:
		return false, true // the table is looked up before main
	}
	return true, false
}

// Priorities of rules, relative to Demand.Priority. The order is what makes
// the overlay scheme work: escape first; then specific tunnel routes, so that
// no less specific route of main takes their traffic; then main without its
// default route, the LAN; then the tunnel's default route; last, when even
// that is gone, nothing leaves.
const (
	offsetEscape   = -3
	offsetSpecific = -2
	offsetLAN      = -1
	offsetDefault  = 0
	offsetGuard    = +1
	offsetOwn      = +1 // what this host sends, behind all that is routed by source

	// The two-rules scheme has nothing between its escape and its rules for
	// destinations. That for everything is not among them: the kernel takes a
	// rule without destination for the same as one with it.
	offsetTwoRulesEscape  = -1
	offsetTwoRulesDefault = +1
)

// EscapePriority returns the priority of the rule by which ESP and IKE get past
// the tunnels of a table whose rules stand around p. NotMark has none.
func (s Scheme) EscapePriority(p uint32) uint32 {
	switch s {
	case Overlay:
		return uint32(int64(p) + offsetEscape)
	case TwoRules:
		return uint32(int64(p) + offsetTwoRulesEscape)
	}
	return p
}

// AttractPriority returns the priority of the rule that leads packets for dst
// to the table, in a scheme that has the tunnels' routes there.
func (s Scheme) AttractPriority(p uint32, dst netip.Prefix) uint32 {
	switch isDefault := dst.Bits() == 0; {
	case s == Overlay && !isDefault:
		return uint32(int64(p) + offsetSpecific)
	case s == TwoRules && isDefault:
		return uint32(int64(p) + offsetTwoRulesDefault)
	}
	return p
}

// DefaultPriority is the priority of the rule that libreswan installs.
const DefaultPriority uint32 = 100

// Bounds of the priority: rules around it have to stay between those of the
// kernel for the tables local (0) and main (32766).
const (
	LowestPriority  uint32 = 1 - offsetEscape
	HighestPriority uint32 = 32765 - offsetGuard
)

// PriorityInRange reports whether a priority is within the bounds.
func PriorityInRange(p uint32) bool { return LowestPriority <= p && p <= HighestPriority }

// PriorityRange returns the lowest and the highest rule priority that a scheme
// may use around p.
func PriorityRange(p uint32) (lowest, highest uint32) {
	return uint32(int64(p) + offsetEscape), p + offsetGuard
}

// PriorityOf returns the priority of the scheme to which a rule belongs that
// looks up a table of ours.
func PriorityOf(r Rule) uint32 {
	offset := int64(offsetDefault)
	switch {
	case r.Table == SourceTable:
		offset = offsetOwn
	case r.Suppress == 0, r.Table > SourceTable && r.To.IsValid():
		offset = offsetSpecific
	}
	return uint32(int64(r.Priority) - offset)
}

// Path is how packets to an address leave this host.
type Path struct {
	Dev string
	Via netip.Addr // invalid: the address is on the link
	MTU uint32     // bytes, of the device or as configured for the route; 0 when unknown
}

// Joins reports whether two paths leave this host in the same way, whatever their
// MTU is after that.
func (p Path) Joins(q Path) bool { return p.Dev == q.Dev && p.Via == q.Via }

// Demand is one remote selector that is to be reached through an xfrm
// interface. The zero value demands nothing.
type Demand struct {
	Dst      netip.Prefix
	From     []netip.Prefix // only packets from there, with the Overlay scheme; none for packets from anywhere
	Dev      string         // the xfrm interface
	Encap    Encap          // what its routes give to packets, when it serves many tunnels
	Src      netip.Addr     // preferred source for the route; invalid for none
	Peer     netip.Addr     // outer address of the remote host; invalid when unknown
	Path     Path           // to the peer or to its configured next hop; used by Underlay and MarkUnderlay only
	Default  Path           // by the default route of main, for the peer's family; zero for none; used by MarkUnderlay only
	Mark     Mark           // on ESP and IKE packets of this tunnel
	MarkOut  bool           // the mark was asked for explicitly (mark-out=)
	ByPeer   bool           // packets escape by the peer's address instead of the mark, so plain ones to it do too
	Attract  bool           // false: the escape only, somebody else owns the route
	Block    bool           // keep a guard below the route, so that its loss lets nothing out
	LocalLAN bool           // more specific routes in main win over a default route
	Metric   uint32
	MTU      uint32 // bytes; 0 for none
	Table    Table
	Priority uint32
}

// Layout is the set of rules and routes that serve a demand.
type Layout struct {
	Rules  []Rule
	Routes []Route
}

// PeerInside reports whether ESP to the peer would match the demand's own
// destination and so be routed back into the tunnel.
func (d Demand) PeerInside() bool {
	return d.Peer.IsValid() && d.Dst.Contains(d.Peer)
}

// Layout returns the rules and routes by which scheme s serves d.
func (s Scheme) Layout(d Demand) Layout {
	if len(d.From) > 0 {
		return d.bySource()
	}
	switch s {
	case Underlay:
		return d.underlay()
	case NotMark:
		return d.notMark()
	case MarkUnderlay:
		return d.markUnderlay()
	case TwoRules:
		return d.twoRules()
	}
	return d.overlay()
}

func (l *Layout) route(r Route) { l.Routes = append(l.Routes, r.normal()) }

func (l *Layout) rule(r Rule) {
	r.Protocol = ProtocolKernel
	if r.Action == 0 {
		r.Action = Lookup
	}
	l.Rules = append(l.Rules, r)
}

// through is the attracting route for dst in table t, with its guard.
func (l *Layout) through(d Demand, dst netip.Prefix, t Table) {
	src := d.Src
	if src.IsValid() && src.Is4() != dst.Addr().Is4() {
		src = netip.Addr{}
	}
	r := Route{Table: t, Type: Unicast, Dst: dst, Dev: d.Dev, Src: src, Metric: d.Metric, MTU: d.MTU, Encap: d.Encap, Protocol: ProtocolIpsecif}
	if d.Block {
		l.route(r.Guard())
	}
	l.route(r)
}

// toPeer is the route to the peer alone, past every tunnel.
func (l *Layout) toPeer(d Demand) {
	l.route(Route{
		Table: d.Table, Type: Unicast, Dst: host(d.Peer), Dev: d.Path.Dev, Via: d.Path.Via,
		Metric: d.Metric, Protocol: ProtocolIpsecif,
	})
}

// host returns the prefix that holds a alone.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
