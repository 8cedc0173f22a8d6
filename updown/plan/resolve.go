package plan

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Resolve turns a conn into the tunnel that it is for a host with these facts:
// it finds out which end is ours and fills in defaults. The diagnostics name
// every reason why that is not possible.
func Resolve(c *conn.Conn, facts Facts) (Tunnel, conn.Diagnostics) {
	c = facts.named(c)
	r := resolver{c: c, facts: facts}
	t := Tunnel{
		Link:     c.Link(),
		IfID:     xfrmi.IfID(c.Interface.IfID),
		External: c.External,
		Scheme:   scheme(c.Scheme),
		Table:    PlaceOf(c).Table,
		Priority: PlaceOf(c).Priority,
		ByPeer:   c.Escape == conn.EscapePeer,
		BySource: c.RouteBy == conn.RouteBySource,
		Metric:   c.Metric,
		MTU:      c.MTU,

		VRF: c.VRF, Multicast: c.Multicast, Netns: c.Netns,
	}
	t.Mark, t.MarkOut = mark(c)
	r.supported()
	if c.Link() != "" {
		r.vrf(&t)
		r.netns(&t)
	}
	r.ends(&t)
	r.localLAN(&t)
	r.sizes(&t)
	t.OnLoss = onLoss(c.OnLoss, t)
	if c.Link() == "" {
		t = r.byPolicy(t)
	}
	return t, r.found
}

// PlaceOf returns the table and priority that a conn uses. The table is 0 for a
// conn that would need one of its own and cannot have one.
func PlaceOf(c *conn.Conn) Place {
	p := DefaultPlace
	if c.RouteBy == conn.RouteBySource {
		p = SourcePlace
		p.Table, _ = routing.SourceTableOf(c.Interface.IfID)
	} else if c.Table != 0 {
		p.Table = routing.Table(c.Table)
	}
	if c.RulePriority != 0 {
		p.Priority = c.RulePriority
	}
	return p
}

// PlacesOf returns where a conn has rules and routes, as Tunnel.Places does.
func PlacesOf(c *conn.Conn) []Place {
	if c.Link() == "" {
		return nil
	}
	p := PlaceOf(c)
	return Tunnel{Table: p.Table, Priority: p.Priority, BySource: c.RouteBy == conn.RouteBySource}.Places()
}

type resolver struct {
	c     *conn.Conn
	facts Facts
	found conn.Diagnostics
}

func (r *resolver) refuse(key, code, hint, format string, args ...any) {
	r.found = append(r.found, conn.Diagnostic{
		Pos: r.c.KeyPos(key), Severity: conn.Error, Code: code, Conn: r.c.Name, Key: key,
		Text: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// maxRouteMTU is where IPv4 caps the MTU of a route (fib_metrics_match and
// ip_metrics_convert of net/ipv4).
const maxRouteMTU = 65535 - 15

// supported refuses conns that ipsecif has nothing to do for.
func (r *resolver) supported() {
	if r.c.Link() == "" && !r.c.PolicyBased {
		r.refuse("", "no-interface", "set ipsec-interface=yes or a number", "it has no ipsec-interface=")
	}
	if r.c.NeverNegotiates() {
		r.refuse("type", "never-negotiates", "", "a conn that never negotiates has no tunnel")
	}
	if r.c.Type == conn.TypeTransport && r.c.Link() != "" {
		r.refuse("type", "unsupported", conn.TransportHint, conn.TransportLoops)
	}
	if place := PlaceOf(r.c); !routing.PriorityInRange(place.Priority) {
		r.refuse("rule-priority", "invalid-value", "", "%d is not from %d to %d", place.Priority, routing.LowestPriority, routing.HighestPriority)
	} else if place.Table >= routing.TableDefault && place.Table <= routing.TableLocal {
		r.refuse("table", "invalid-value", "choose another number", "%s is a table of the kernel", place.Table)
	}
	r.bySource()
	if r.c.MTU > maxRouteMTU {
		r.refuse("mtu", "invalid-value", "", "%d is more than %d, the most that the kernel keeps", r.c.MTU, maxRouteMTU)
	}
	if r.c.Metric == routing.WorstMetric {
		r.refuse("metric", "invalid-value", "choose a smaller one", "%d is the metric of the route that guards the tunnel", r.c.Metric)
	}
}

// ends fills in what depends on which end is ours.
func (r *resolver) ends(t *Tunnel) {
	side, err := r.c.Orient(r.facts.Locals)
	if err != nil {
		r.refuseOrientation(err)
		return
	}
	ours, theirs := r.c.Ends(side)
	switch theirs.Host.Kind {
	case conn.HostAddr:
		t.Peer = theirs.Host.Addr
	case conn.HostAny:
	default:
		r.refuse(side.Other().String(), "unknown-peer", "", "the address of the peer %s is not known", hostText(theirs.Host))
		return
	}
	if ours.NextHop.Kind == conn.NextHopAddr {
		t.NextHop = ours.NextHop.Addr
	}
	local, _ := ours.LocalAddr(r.facts.Locals, r.c.Family)
	if r.c.LeftIsLocal {
		local.Addr = ours.Host.Addr
	}
	if ours.Host.Kind == conn.HostAddr {
		t.Local = local.Addr // others may change, and the tunnel would not
	}
	ourNets, ok1 := r.selectors(side, ours, local.Addr)
	theirNets, ok2 := r.selectors(side.Other(), theirs, t.Peer)
	if !ok1 || !ok2 {
		return
	}
	t.Pairs = pairs(ourNets, theirNets)
	if len(t.Pairs) == 0 {
		r.refuse(side.Other().String()+"subnet", "family-mix", "", "no selector of one side has the family of one of the other")
	}
	t.Sources = ours.SourceIPs
	t.Addrs = slices.Clone(ours.InterfaceIPs)
	if len(t.Addrs) == 0 {
		for _, s := range ours.SourceIPs {
			t.Addrs = append(t.Addrs, netip.PrefixFrom(s, s.BitLen()))
		}
	}
	switch {
	case t.External:
		t.Addrs = single(t.Addrs)
	case usesVTI(r.c):
		r.vti(t, ours, local.Addr)
	}
	r.firewall(t, side, ours, local.Addr)
	if r.c.AddrDev == conn.AddrDevLo {
		t.moveAddrs(cmp.Or(t.VRF, "lo"))
	}
	r.proxies(t, local.Addr)
}

func (r *resolver) refuseOrientation(err error) {
	left, right := hostText(r.c.Left.Host), hostText(r.c.Right.Host)
	switch {
	case errors.Is(err, conn.ErrNotLocal):
		r.refuse("left", "not-local", "check that this is the right host and that its address is there",
			"neither left=%s nor right=%s is an address of this host", left, right)
	case errors.Is(err, conn.ErrBothLocal):
		r.refuse("left", "both-local", "", "left=%s and right=%s are both addresses of this host", left, right)
	case errors.Is(err, conn.ErrNotYet):
		r.refuseNotYet()
	default:
		r.refuse("left", "orientation", "", "with left=%s and right=%s it is not known which end is this host: %v", left, right, err)
	}
}

// refuseNotYet says why the end that has to be this host has no address now.
func (r *resolver) refuseNotYet() {
	side, host := "left", r.c.Left.Host
	if host.Kind != conn.HostInterface && host.Kind != conn.HostDefaultRoute {
		side, host = "right", r.c.Right.Host
	}
	if host.Kind == conn.HostInterface {
		r.refuse(side, "orientation", "", "the device of %s=%s is not there or has no %s address", side, host, r.c.Family)
	} else {
		r.refuse(side, "orientation", "", "for %s=%s there is no %s default route", side, host, r.c.Family)
	}
}

// selectors returns the nets of one end: those configured, else its address.
func (r *resolver) selectors(side conn.Side, e *conn.End, address netip.Addr) ([]netip.Prefix, bool) {
	if e.VirtualSubnet != "" {
		r.refuse(side.String()+"subnet", "unsupported", "", "%s is only known when the peer connects", e.VirtualSubnet)
		return nil, false
	}
	if len(e.Subnets) == 0 {
		if !address.IsValid() {
			r.refuse(side.String()+"subnet", "unknown-selector", "set "+side.String()+"subnet=", "without it the selector is only known when the peer connects")
			return nil, false
		}
		return []netip.Prefix{netip.PrefixFrom(address, address.BitLen())}, true
	}
	var nets []netip.Prefix
	for _, s := range e.Subnets {
		if !slices.Contains(nets, s.Prefix) {
			nets = append(nets, s.Prefix)
		}
	}
	return nets, true
}

func pairs(ours, theirs []netip.Prefix) []Pair {
	var ps []Pair
	for _, o := range ours {
		for _, t := range theirs {
			if o.Addr().Is4() == t.Addr().Is4() {
				ps = append(ps, Pair{o, t})
			}
		}
	}
	return ps
}

func hostText(h conn.Host) string {
	switch h.Kind {
	case conn.HostAddr:
		return h.Addr.String()
	case conn.HostName:
		return h.Name
	case conn.HostInterface:
		return "%" + h.Name
	case conn.HostAny:
		return "%any"
	case conn.HostDefaultRoute:
		return "%defaultroute"
	}
	return "this value"
}

// mark returns what the IKE daemon puts on ESP packets, and whether the conn
// asks for it: pluto uses mark-out, else the if_id.
func mark(c *conn.Conn) (routing.Mark, bool) {
	if c.MarkOut.Set {
		return routing.Mark{Value: c.MarkOut.Value, Mask: c.MarkOut.Mask}, true
	}
	return routing.Mark{Value: c.Interface.IfID, Mask: 0xffffffff}, false
}

// scheme returns the scheme of a conn; both packages use the words of the
// configuration.
func scheme(s conn.Scheme) routing.Scheme {
	if s == conn.SchemeUnset {
		return routing.Overlay
	}
	return routing.Scheme(s.String())
}

// localLAN fills in who wins, the own nets or a tunnel's default route, and
// refuses what the layout does not allow.
func (r *resolver) localLAN(t *Tunnel) {
	asked := r.c.LocalLAN != conn.LocalLANTunnel
	direct, fixed := t.Scheme.LocalLAN()
	switch {
	case !fixed:
		t.LocalLAN = asked
		return
	case r.c.LocalLAN != conn.LocalLANUnset && asked != direct && hasDefault(*t):
		r.refuse("local-lan", "unsupported", "use scheme=overlay", "with scheme=%s the own nets are always %s",
			t.Scheme, map[bool]string{true: "reached directly", false: "in the tunnel"}[direct])
	}
	t.LocalLAN = direct
}

// onLoss fails closed where plain packets would find another way: for a
// default route, and for a peer that is its own destination.
func onLoss(o conn.OnLoss, t Tunnel) OnLoss {
	switch o {
	case conn.OnLossBlock:
		return Block
	case conn.OnLossKeep:
		return Keep
	case conn.OnLossWithdraw:
		return Withdraw
	}
	if hasDefault(t) || peerInside(t) {
		return Block
	}
	return Keep
}

// Elsewhere reports whether neither end of a conn is this host.
func Elsewhere(c *conn.Conn, facts Facts) bool {
	_, err := facts.named(c).Orient(facts.Locals)
	return errors.Is(err, conn.ErrNotLocal)
}
