package plan

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
)

// This file is about tunnels without a device: SPs alone take their packets,
// whatever route those have. They need one only to leave at all, with a source
// that the SPs cover, or of a size that ESP leaves. libreswan's script makes the
// same routes, but does not know when nobody needs them any more.

// routeBased returns the claims whose tunnels have devices.
func routeBased(claims []Claim) []Claim {
	var based []Claim
	for _, c := range claims {
		if !c.Tunnel.PolicyBased {
			based = append(based, c)
		}
	}
	return based
}

// byPolicy leaves of a tunnel what is there without a device. Its sources are on
// loopback.
func (r *resolver) byPolicy(t Tunnel) Tunnel {
	refuse := func(key string) {
		r.refuse(key, "unsupported", "leave it out", "it is about an interface, and the conn has none")
	}
	if r.c.VRF != "" {
		refuse("vrf")
	}
	if r.c.Netns != "" {
		refuse("netns")
	}
	if r.c.RouteBy == conn.RouteBySource {
		refuse("route-by")
	}
	p := Tunnel{
		PolicyBased: true, Local: t.Local, Peer: t.Peer, NextHop: t.NextHop, Pairs: t.Pairs, Sources: r.sources(t), Proxies: t.Proxies,
		OnLoss: Keep, Metric: t.Metric, MTU: t.MTU, Route: r.c.ForceRoute,
	}
	if len(p.Sources) > 0 {
		p.AddrLink = "lo"
	}
	for _, s := range p.Sources {
		p.Addrs = append(p.Addrs, netip.PrefixFrom(s, s.BitLen()))
	}
	return p
}

// sources returns the preferred sources that a selector covers: packets with
// another one would leave in the clear.
func (r *resolver) sources(t Tunnel) []netip.Addr {
	var covered []netip.Addr
	for _, s := range t.Sources {
		for _, p := range t.Pairs {
			if p.Ours.Contains(s) {
				covered = append(covered, s)
				break
			}
		}
	}
	return covered
}

// policy puts what a claim without a device needs.
func (c *compiler) policy(claim Claim) {
	t := claim.Tunnel
	c.addresses(claim)
	done := map[netip.Prefix]bool{}
	for _, p := range t.Pairs {
		if done[p.Theirs] || !c.needsRoute(t, p.Theirs) {
			continue
		}
		done[p.Theirs] = true
		src, _ := t.sourceTo(p.Theirs)
		path := c.way(t)
		if path.Dev == "" {
			c.problem(claim, "no route to the peer %s (next hop %s), so there is no device for the route to %s", t.Peer, nextHop(t), p.Theirs)
			continue
		}
		for _, r := range (routing.Demand{Dst: p.Theirs, Path: path, Src: src, Metric: t.Metric, MTU: t.MTU}).ByPolicy() {
			c.put(claim, r)
		}
	}
}

// needsRoute reports whether packets to a remote selector need a route of their
// own.
func (c *compiler) needsRoute(t Tunnel, theirs netip.Prefix) bool {
	if _, ok := t.sourceTo(theirs); ok || t.MTU != 0 || t.Route {
		return true
	}
	if _, ok := c.proxyFor(t, theirs.Addr()); ok && theirs.IsSingleIP() {
		return true
	}
	// Where a default route is the question, it is there: the peer is reached.
	return theirs.Bits() > 0 && c.facts.Paths[PathQuery{To: theirs.Addr()}].Dev == ""
}

// hop returns the address of the next hop to the peer, or its own.
func (t Tunnel) hop() netip.Addr {
	if t.NextHop.IsValid() {
		return t.NextHop
	}
	return t.Peer
}

// way returns how packets leave that SPs will take: to the next hop, if one is
// configured and the device has one to choose.
func (c *compiler) way(t Tunnel) routing.Path {
	path := routing.Path{Dev: c.facts.Paths[PathQuery{To: t.hop()}].Dev}
	if t.hop() != t.Peer && !c.facts.PointToPoint[path.Dev] {
		path.Via = t.hop()
	}
	return path
}

// ways asks how packets get to the next hop and, where nothing else decides
// whether they need a route, to their destinations.
func (t Tunnel) ways() []PathQuery {
	queries := []PathQuery{{To: t.hop()}}
	for _, p := range t.Pairs {
		if _, ok := t.sourceTo(p.Theirs); !ok && !t.Route && t.MTU == 0 && p.Theirs.Bits() > 0 {
			queries = append(queries, PathQuery{To: p.Theirs.Addr()})
		}
	}
	if !t.hop().IsValid() {
		queries = queries[1:]
	}
	return queries
}

// waysOf asks the same of both ends of a conn: which one is the peer is not known
// yet.
func waysOf(c *conn.Conn) []PathQuery {
	var queries []PathQuery
	for _, e := range []conn.End{c.Left, c.Right} {
		if e.Host.Addr.IsValid() {
			queries = append(queries, PathQuery{To: e.Host.Addr})
		}
		if e.NextHop.Kind == conn.NextHopAddr {
			queries = append(queries, PathQuery{To: e.NextHop.Addr})
		}
		for _, s := range e.Subnets {
			if s.Prefix.Bits() > 0 {
				queries = append(queries, PathQuery{To: s.Prefix.Addr()})
			}
		}
	}
	return queries
}
