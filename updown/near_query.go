package updown

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// query asks for what is near the conns and the claims. The routes of a table
// are read by its first user only, who has to know that nobody else is there.
func (n *nearRun) query(before []plan.Claim, conns []conn.Conn) plan.Query {
	q := plan.Query{Paths: paths(before, conns, n.Names), SAs: sas(nil, conns), Clamps: clamps(before, conns), Firewall: firewallQuery(before, conns), Near: &plan.Near{}}
	for _, s := range n.run.saved {
		q.Settings = append(q.Settings, s.Link)
		q.Indexes = append(q.Indexes, s.Index)
	}
	for _, c := range before {
		q.Near.Addrs = append(q.Near.Addrs, addrsOf(c.Tunnel)...)
		q.Near.Neighs = append(q.Near.Neighs, plan.ProxiesIn(c.Wants)...)
		if c.Tunnel.PolicyBased {
			policyNear(q.Near, c.Tunnel)
			continue
		}
		if c.Tunnel.External {
			q.Near.Shared = append(q.Near.Shared, c.Tunnel.Link)
			q.Near.Dsts = append(q.Near.Dsts, theirs(c.Tunnel)...)
		} else {
			q.Near.Links = append(q.Near.Links, c.Tunnel.Link)
		}
		if c.Tunnel.AddrLink != "" {
			q.Near.Links = append(q.Near.Links, c.Tunnel.AddrLink)
		}
		q.Near.Guards = append(q.Near.Guards, routing.TableMain)
		for _, p := range c.Tunnel.Places() {
			q.Near.Guards = append(q.Near.Guards, p.Table)
		}
	}
	if n.run.drop != nil {
		q.Near.Guards = nil // those that go are known to be there
	}
	for i := range conns {
		c := &conns[i]
		n.run.scope.Add(c.Name, c.Netns, plan.DeviceOf(c))
		q.Near.OnLink = append(q.Near.OnLink, proxied(c)...)
		for _, end := range []conn.End{c.Left, c.Right} {
			q.Near.Addrs = append(q.Near.Addrs, addrsOfEnd(end)...)
		}
		if c.Link() == "" {
			policyConnNear(q.Near, c)
			continue
		}
		if c.External {
			q.Near.Shared = append(q.Near.Shared, c.Link())
		} else {
			q.Near.Links = append(q.Near.Links, c.Link())
		}
		if c.AddrDev == conn.AddrDevLo {
			q.Near.Links = append(q.Near.Links, "lo")
		}
		if !slices.ContainsFunc(before, func(b plan.Claim) bool { return b.Name == c.Name }) {
			q.Near.Dsts = append(q.Near.Dsts, destinations(c)...)
		}
		for _, p := range plan.PlacesOf(c) {
			if _, used := n.store.Wants(p.UserOf(c), nil); !used {
				q.Tables = append(q.Tables, p.Table)
			}
		}
	}
	q.Near.Ends = ends(conns)
	q.Near.Links, q.Near.Shared, q.Tables = sorted(q.Near.Links), sorted(q.Near.Shared), unique(q.Tables)
	q.Near.Addrs, q.Near.Dsts, q.Near.Guards = unique(q.Near.Addrs), unique(q.Near.Dsts), unique(q.Near.Guards)
	q.Near.Nets = unique(q.Near.Nets)
	q.Near.OnLink, q.Near.Neighs = unique(q.Near.OnLink), unique(q.Near.Neighs)
	return q
}

// ends returns the outer addresses of the conns, nil when not all are known.
func ends(conns []conn.Conn) []plan.Ends {
	all := []plan.Ends{}
	for _, c := range conns {
		e := plan.Ends{c.Left.Host.Addr, c.Right.Host.Addr}
		if !e[0].IsValid() || !e[1].IsValid() {
			return nil
		}
		all = append(all, e)
	}
	return all
}

// clamps reports whether any of the claims or conns has or had an MSS.
func clamps(claims []plan.Claim, conns []conn.Conn) bool {
	return slices.ContainsFunc(claims, func(c plan.Claim) bool { return c.Tunnel.MSS != plan.Size{} }) ||
		slices.ContainsFunc(conns, func(c conn.Conn) bool { return c.MSS.Kind == conn.SizeAuto || c.MSS.Kind == conn.SizeBytes })
}

// sharesSizes reports whether sizes of a tunnel's link may depend on more claims
// than one: it is shared, and a size is asked for here or has been set.
func (n *nearRun) sharesSizes(t plan.Tunnel) bool {
	if !n.sharesLink(t) {
		return false
	}
	mtu := xfrmi.Attr{Link: t.Link, Name: xfrmi.AttrMTU, Value: strconv.Itoa(xfrmi.DefaultMTU)}
	have, there := n.run.have.State[mtu.Key()]
	return t.LinkMTU != plan.Size{} || t.MSS != plan.Size{} || there && have != plan.Object(mtu)
}

// sharesSAs reports whether SAs decide about routes of a tunnel, or of another one
// that has its link and stays: those of others were not read.
func (n *nearRun) sharesSAs(t plan.Tunnel) bool {
	return t.Withdraws() && n.sharesLink(t) || slices.ContainsFunc(n.run.claims, func(c plan.Claim) bool {
		return !n.names[c.Name] && c.Tunnel.Withdraws() && c.Tunnel.LinkUse() == t.LinkUse()
	})
}

// sharesLink reports whether a claim that stays has the link of a tunnel too.
func (n *nearRun) sharesLink(t plan.Tunnel) bool {
	_, shared := n.store.Wants(t.LinkUse(), n.names)
	return shared
}

// sharesSources reports whether a route of the run has a preferred source, or is
// to have one, and is wanted by a claim that stays. All who want it decide which
// source that is, and some of theirs may be addresses that were not asked for.
func (n *nearRun) sharesSources(before []plan.Claim) bool {
	shares := func(o plan.Object) bool {
		route, ok := o.(routing.Route)
		if !ok || !route.Src.IsValid() {
			return false
		}
		_, shared := n.store.Wants(route.Key(), n.names)
		return shared
	}
	for _, c := range slices.Concat(before, n.run.added) {
		for _, key := range c.Wants {
			if shares(n.run.have.State[key]) {
				return true
			}
		}
	}
	return slices.ContainsFunc(n.run.plan.Ops, func(op plan.Op) bool { return shares(op.Object) })
}

// destinations returns the nets of both ends: which are the remote ones is not
// known yet. A default route is no question: it is in a table that is read.
func destinations(c *conn.Conn) []netip.Prefix {
	var all []netip.Prefix
	for _, e := range []conn.End{c.Left, c.Right} {
		for _, s := range e.Subnets {
			if s.Prefix.Bits() > 0 {
				all = append(all, s.Prefix)
			}
		}
		if len(e.Subnets) == 0 && e.Host.Addr.IsValid() {
			all = append(all, netip.PrefixFrom(e.Host.Addr, e.Host.Addr.BitLen()))
		}
	}
	return all
}

// unique returns values, each once.
func unique[T comparable](all []T) []T {
	var each []T
	for _, v := range all {
		if !slices.Contains(each, v) {
			each = append(each, v)
		}
	}
	return each
}

// addrsOfEnd returns the addresses of which it matters whether they are local.
func addrsOfEnd(e conn.End) []netip.Addr {
	addrs := slices.Clone(e.SourceIPs)
	if e.Host.Addr.IsValid() {
		addrs = append(addrs, e.Host.Addr)
	}
	for _, p := range e.InterfaceIPs {
		addrs = append(addrs, p.Addr())
	}
	for _, s := range e.Subnets {
		if s.Prefix.IsSingleIP() {
			addrs = append(addrs, s.Prefix.Addr())
		}
	}
	return addrs
}

func addrsOf(t plan.Tunnel) []netip.Addr {
	var addrs []netip.Addr
	for _, p := range t.Addrs {
		addrs = append(addrs, p.Addr())
	}
	for _, p := range t.Pairs {
		if p.Ours.IsSingleIP() {
			addrs = append(addrs, p.Ours.Addr())
		}
	}
	return append(addrs, t.Proxies...)
}

// sourcesOf returns those of them that decide about rules and routes.
func sourcesOf(t plan.Tunnel) []netip.Addr {
	if !t.Connects() {
		t.Addrs = nil
	}
	return addrsOf(t)
}

// assume takes routes for present that were not read, because they are not on
// the links of the run: guards, and routes to peers.
func (r *run) assume(there, have plan.State) {
	near := r.query.Near
	if near == nil {
		return
	}
	for key, o := range there {
		route, ok := o.(routing.Route)
		read := slices.Contains(near.Links, route.Dev) || slices.Contains(r.query.Tables, route.Table) ||
			route.Dev == "" && slices.Contains(near.Guards, route.Table)
		if ok && !read && have[key] == nil {
			have.Put(o)
		}
	}
}

// pinsForOthers reports whether an operation adds a route to a peer that a claim
// which stays wants too: it is there then, perhaps through another next hop.
func (n *nearRun) pinsForOthers(op plan.Op) bool {
	near := n.run.query.Near
	route, ok := op.Object.(routing.Route)
	if !ok || op.Verb != plan.Add || route.Type != routing.Unicast || slices.Contains(near.Links, route.Dev) || slices.Contains(near.Shared, route.Dev) {
		return false
	}
	_, shared := n.store.Wants(route.Key(), n.names)
	return shared
}

// serves reports whether the link that a tunnel wishes is the one in its slot. That
// may have another name otherwise, which only a look at all links would tell.
func (r *run) serves(t plan.Tunnel) bool {
	l, _ := r.link(t.Link)
	return l.Slot() == t.Device().Slot()
}

// link returns a link that was read.
func (r *run) link(name string) (l xfrmi.Link, there bool) {
	l, there = r.have.State[xfrmi.Link{Name: name}.Key()].(xfrmi.Link)
	return l, there
}
