package updown

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Whether a remote address is on the net of a link of this host is what main says
// without us. A run for few conns asks the kernel before the first route to that
// address is there; after that it relies on what was found then, as long as the
// net is there.

// proxied returns the addresses of a conn that may be worth a proxy entry: which
// end is the remote one is not known yet.
func proxied(c *conn.Conn) []netip.Addr {
	var addrs []netip.Addr
	for _, e := range []conn.End{c.Left, c.Right} {
		for _, s := range e.Subnets {
			if c.ProxyARP == conn.ProxyARPYes && s.Prefix.IsSingleIP() {
				addrs = append(addrs, s.Prefix.Addr())
			}
		}
	}
	return addrs
}

// look reads what depends on the claims of others, too.
func (n *nearRun) look(others []plan.Claim) (plan.Facts, error) {
	r := &n.run
	more, addrs, neighs := paths(others, nil, nil), r.query.Near.Addrs, r.query.Near.Neighs
	for _, c := range others {
		addrs, neighs = append(addrs, sourcesOf(c.Tunnel)...), append(neighs, plan.ProxiesIn(c.Wants)...)
	}
	addrs, neighs = unique(addrs), unique(neighs)
	if len(more) == 0 && len(addrs) == len(r.query.Near.Addrs) && len(neighs) == len(r.query.Near.Neighs) {
		return n.facts(), nil
	}
	r.query.Paths, r.query.Near.Addrs, r.query.Near.Neighs = unique(append(r.query.Paths, more...)), addrs, neighs
	var err error
	r.have, err = n.Kernel.Observe(r.query)
	return n.facts(), err
}

// wait reports whether proxy entries that claims share with those that change may
// wait for SAs, which are not read.
func wait(others []plan.Claim) bool {
	return slices.ContainsFunc(others, func(c plan.Claim) bool { return c.Tunnel.Withdraws() && len(c.Tunnel.Proxies) > 0 })
}

// hidden reports whether it cannot be told on which net an address of a new
// claim is, because a route of ours or of another table leads there, and it was
// not found out before.
func (n *nearRun) hidden(before []plan.Claim) bool {
	for _, c := range n.run.added {
		old, _ := named(before, c.Name)
		known := plan.ProxiesIn(old.Wants)
		for _, a := range c.Tunnel.Proxies {
			found := slices.ContainsFunc(known, func(n routing.Neigh) bool { return n.Addr == a })
			// Those that had to wait for an SA were not looked at.
			found = found || slices.Contains(old.Tunnel.Proxies, a) && !old.Tunnel.Withdraws()
			if slices.Contains(n.run.have.Facts.Hidden, a) && !found {
				return true
			}
		}
	}
	return false
}

// lost reports whether claims had proxy entries that, by what was read, they do
// not want any more: the link may have another name by now, or the net another
// link. Wants has what claims want, by their names.
func lost(claims []plan.Claim, wants map[string][]string) bool {
	for _, c := range claims {
		for _, n := range plan.ProxiesIn(c.Wants) {
			if !slices.Contains(wants[c.Name], n.Key()) {
				return true
			}
		}
	}
	return false
}
