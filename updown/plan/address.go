package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// moveAddrs puts the addresses of a tunnel on a link that is not its own. Only
// single ones: the kernel takes the whole net of an address on loopback for
// local. Its routes have to name their source then, since the kernel looks for
// one on the link of a route first.
func (t *Tunnel) moveAddrs(link string) {
	t.AddrLink = link
	for i, a := range t.Addrs {
		t.Addrs[i] = netip.PrefixFrom(a.Addr(), a.Addr().BitLen())
		if !slices.Contains(t.Sources, a.Addr()) {
			t.Sources = append(slices.Clone(t.Sources), a.Addr())
		}
	}
}

// addresses puts the addresses of a claim.
func (c *compiler) addresses(claim Claim) {
	t := claim.Tunnel
	link := t.Link
	if t.AddrLink != "" {
		link = t.AddrLink
	}
	for _, a := range t.Addrs {
		if !c.elsewhere(a.Addr(), link, t.VRF) {
			c.put(claim, xfrmi.Addr{Link: link, Prefix: a, Mine: true})
		}
	}
}

// elsewhere reports whether an address is on another link of the host already
// that is no tunnel and in the same VRF, from where it serves as a source just as
// well. One that ipsecif has put there does not count: it goes with its conns.
func (c *compiler) elsewhere(a netip.Addr, link, vrf string) bool {
	for _, l := range c.facts.Locals.Addrs {
		if l.Addr == a && l.Dev != link && c.facts.vrfs[l.Dev] == vrf && c.facts.isPermanent(l) {
			return true
		}
	}
	return false
}

// connected reports whether the kernel makes the route by itself, with an
// address of the tunnel that has the same net and is on its link.
func (c *compiler) connected(t Tunnel, r routing.Route) bool {
	return r.Type == routing.Unicast && (r.Table == routing.TableMain || t.VRF != "") && r.Metric == 0 &&
		slices.ContainsFunc(t.Addrs, func(a netip.Prefix) bool { return connects(a, r.Dst) && !c.elsewhere(a.Addr(), t.Link, t.VRF) })
}

func connects(a, dst netip.Prefix) bool { return a.Masked() == dst && !a.IsSingleIP() }

// Connects reports whether the kernel may make a route of the tunnel by itself,
// which depends on where the tunnel's addresses are.
func (t Tunnel) Connects() bool {
	return slices.ContainsFunc(t.Pairs, func(p Pair) bool {
		return slices.ContainsFunc(t.Addrs, func(a netip.Prefix) bool { return connects(a, p.Theirs) })
	})
}

// isPermanent reports whether a local address stays when all claims go.
func (f Facts) isPermanent(l conn.LocalAddr) bool { return !f.Tunnels[l.Dev] && !f.lent[l] }

// lent returns the addresses of ours that are on no tunnel.
func lent(s State, tunnels order) map[conn.LocalAddr]bool {
	addrs := map[conn.LocalAddr]bool{}
	for _, o := range s {
		if a, ok := o.(xfrmi.Addr); ok && a.Mine && !tunnels[a.Link] {
			addrs[conn.LocalAddr{Dev: a.Link, Addr: a.Prefix.Addr()}] = true
		}
	}
	return addrs
}
