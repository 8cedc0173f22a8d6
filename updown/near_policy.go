package updown

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Routes of tunnels without a device lead through devices of the host, which may
// have any number of others. A run for few conns asks the kernel which route it
// would choose for each net, and trusts it to refuse what is there already, or is
// not there to be deleted. Most such tunnels need no route at all.

// policyNear adds what is near a claim without a device.
func policyNear(near *plan.Near, t plan.Tunnel) {
	near.Nets = append(near.Nets, theirs(t)...)
	near.Dsts = append(near.Dsts, theirs(t)...)
	if t.AddrLink != "" { // its routes, of which loopback has those of all, do not count
		near.Shared = append(near.Shared, t.AddrLink)
	}
}

// policyConnNear does the same for a conn.
func policyConnNear(near *plan.Near, c *conn.Conn) {
	near.Nets = append(near.Nets, destinations(c)...)
	near.Dsts = append(near.Dsts, destinations(c)...)
	if len(c.Left.SourceIPs)+len(c.Right.SourceIPs) > 0 {
		near.Shared = append(near.Shared, "lo")
	}
}

// coveredByPolicy reports whether the kernel's answer about a path of a claim may
// be such a route, or will be when it is made, and not what there is without us.
// Where a proxy entry needs a route, that answer does not count.
func (n *nearRun) coveredByPolicy(claims []plan.Claim) bool {
	for _, c := range claims {
		t := c.Tunnel
		proxies := plan.ProxiesIn(c.Wants)
		for _, q := range t.PathQueries() {
			needed := slices.ContainsFunc(proxies, func(n routing.Neigh) bool { return n.Addr == q.To })
			if !needed && n.hasPolicyRoute(q.To) {
				return true
			}
		}
		if hidesItsHop(c) {
			return true
		}
	}
	return false
}

// hidesItsHop reports whether a route of a claim without a device leads to its own
// next hop, so that the kernel's answer does not tell the way without it.
func hidesItsHop(c plan.Claim) bool {
	t := c.Tunnel
	hop := t.NextHop
	if !hop.IsValid() {
		hop = t.Peer
	}
	return t.PolicyBased && len(c.Wants) > 0 && slices.ContainsFunc(t.Pairs, func(p plan.Pair) bool { return p.Theirs.Contains(hop) })
}

// coversItself reports whether a conn without a device takes all traffic from an
// address of its own, and will hide its next hop.
func coversItself(c conn.Conn) bool {
	all := func(s conn.Selector) bool { return s.Prefix.Bits() == 0 }
	return c.Link() == "" && len(c.Left.SourceIPs)+len(c.Right.SourceIPs) > 0 &&
		(slices.ContainsFunc(c.Left.Subnets, all) || slices.ContainsFunc(c.Right.Subnets, all))
}

// unseenPolicy reports whether a route of a claim without a device, which is to be
// repaired if it has gone, was not seen.
func (r *run) unseenPolicy(route routing.Route) bool {
	l, _ := r.link(route.Dev)
	return route.Table == routing.TableMain && route.Type == routing.Unicast &&
		!l.IsTunnel() && !slices.Contains(r.query.Near.Links, route.Dev)
}

// hasPolicyRoute reports whether a claim without a device wants a route to an
// address.
func (n *nearRun) hasPolicyRoute(a netip.Addr) bool {
	for _, prefix := range plan.KeysOfRoutesTo(a) {
		for _, key := range n.store.Wanted(prefix) {
			for name := range n.store.Wanting(key) {
				if c, ok, err := n.store.Claim(name); err != nil || ok && c.Tunnel.PolicyBased {
					return true
				}
			}
		}
	}
	return false
}
