package plan

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
)

// This file finds conns that need a route to the net of an address of another
// one: the kernel makes a route to that net by itself, which is in the place, or
// wins. With the net of a tunnel's own address there is nothing to do, see
// connected.

// netKey is where the kernel makes a route with the address of a link.
type netKey struct {
	table routing.Table
	net   netip.Prefix
}

// linkNet is the net of an address of a claim.
type linkNet struct {
	Claim
	addr netip.Prefix
}

// nets has the nets of addresses and the routes of the claims so far.
type nets struct {
	addrs  map[netKey]linkNet
	routes map[netKey]Claim
}

// linkNets returns the nets to which the kernel makes routes with the tunnel's
// addresses.
func (t Tunnel) linkNets() map[netKey]netip.Prefix {
	table := routing.TableMain
	if t.VRF != "" {
		table = t.Table
	}
	found := map[netKey]netip.Prefix{}
	for _, a := range t.Addrs {
		if !a.IsSingleIP() {
			found[netKey{table, a.Masked()}] = a
		}
	}
	return found
}

// checkAddrs notes where an address of a claim has a net to which another claim
// has a route.
func (c *compiler) checkAddrs(claim Claim) {
	for key, a := range claim.Tunnel.linkNets() {
		if c.elsewhere(a.Addr(), claim.Tunnel.Link, claim.Tunnel.VRF) {
			continue // and not put on the link
		}
		if other, ok := c.nets.routes[key]; ok {
			c.problem(claim, "with its address %s the kernel makes a route to %s, but conn %q (%s) has one there; %s",
				a, key.net, other.Name, other.Where, netRemedy(linkNet{claim, a}, other))
		}
		if _, ok := c.nets.addrs[key]; !ok {
			c.nets.addrs[key] = linkNet{claim, a}
		}
	}
}

// inNet reports, and notes, that a route of a claim is to the net of an address
// of another one. A metric does not help: it makes the route lose.
func (c *compiler) inNet(claim Claim, r routing.Route) bool {
	if r.Type != routing.Unicast || r.Dev != claim.Tunnel.Link {
		return false
	}
	key := netKey{r.Table, r.Dst}
	if _, ok := c.nets.routes[key]; !ok {
		c.nets.routes[key] = claim
	}
	other, ok := c.nets.addrs[key]
	if ok {
		c.problem(claim, "needs a route to %s, but the kernel makes one with the address %s of conn %q (%s); %s",
			r.Dst, other.addr, other.Name, other.Where, netRemedy(other, claim))
	}
	return ok
}

// netRemedy says what helps a claim that has a route to the net of an address.
func netRemedy(of linkNet, routed Claim) string {
	if of.Tunnel.Link == routed.Tunnel.Link {
		return "give conn " + routed.Name + " the same address"
	}
	return "give conn " + of.Name + " the address without a length"
}
