package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
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
