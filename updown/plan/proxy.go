package plan

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
)

// This file is about remote addresses out of the net of a LAN of this host: its
// hosts look for them there, and find this host, which leads them on.

// proxies fills in the remote addresses that are worth a proxy entry: those that
// are a selector alone, but for what goes between the outer addresses, which is
// nobody's in a LAN. libreswan's script has the same conditions.
func (r *resolver) proxies(t *Tunnel, local netip.Addr) {
	if r.c.ProxyARP != conn.ProxyARPYes {
		return
	}
	if t.enclosed() {
		r.refuse("proxy-arp", "unsupported", "leave it out", "in a VRF or another network namespace it is not supported")
		return
	}
	for _, p := range t.Pairs {
		a := p.Theirs.Addr()
		alone := p.Theirs.IsSingleIP() && !a.IsUnspecified() && p.Ours != p.Theirs
		if alone && a != t.Peer && p.Ours.Addr() != local && !slices.Contains(t.Proxies, a) {
			t.Proxies = append(t.Proxies, a)
		}
	}
}

// proxies puts the proxy entries of claims, and for IPv6 the setting without
// which the kernel does not answer.
func (c *compiler) proxies(claims []Claim) {
	for _, claim := range claims {
		for _, a := range claim.Tunnel.Proxies {
			if n, ok := c.proxyFor(claim.Tunnel, a); ok {
				c.proxy(claim, n)
			}
		}
	}
}

// proxyFor returns the proxy entry for a remote address of a tunnel, if it is one
// of those that are on the net of an Ethernet device.
func (c *compiler) proxyFor(t Tunnel, a netip.Addr) (routing.Neigh, bool) {
	if !slices.Contains(t.Proxies, a) {
		return routing.Neigh{}, false
	}
	if c.lans == nil {
		c.lans = c.facts.lans()
	}
	dev, found := c.lans.onLink(a)
	return routing.Neigh{Dev: dev, Addr: a, Mine: true}, found && c.facts.Ethernet[dev] && !c.facts.isLocal(a)
}

// proxy puts one entry. Where the route to the address waits for an SA, it does
// as well.
func (c *compiler) proxy(claim Claim, n routing.Neigh) {
	if n.Addr.Is6() {
		c.put(claim, routing.Sysctl{Link: n.Dev, Name: routing.SysctlProxyNDP, IPv6: true, Value: 1})
	}
	has := saThere
	if claim.Tunnel.Withdraws() {
		has = c.facts.sendsBy(claim.Tunnel)
	}
	switch has {
	case saThere:
		c.put(claim, n)
	case saUnknown:
		c.want.Kept[n.Key()] = true
		c.own(claim, n.Key())
	case saMissing:
		c.want.Withdrawn[n.Key()] = append(c.want.Withdrawn[n.Key()], claim.Name)
	}
}

func (f Facts) isLocal(a netip.Addr) bool {
	return slices.ContainsFunc(f.Locals.Addrs, func(l conn.LocalAddr) bool { return l.Addr == a })
}

// lans has the routes of main that do not lead into tunnels and are not ours,
// the best one of each destination.
type lans map[netip.Prefix]routing.Route

func (f Facts) lans() lans {
	n := lans{}
	for _, o := range f.spaces[f.netns] {
		r, ok := o.(routing.Route)
		if !ok || r.Table != routing.TableMain || r.Mine() || f.Tunnels[r.Dev] {
			continue
		}
		if best, twin := n[r.Dst]; !twin || r.Metric < best.Metric {
			n[r.Dst] = r
		}
	}
	return n
}

// onLink returns the device on whose net an address is. A default route that
// needs no next hop makes no net.
func (n lans) onLink(a netip.Addr) (dev string, found bool) {
	for bits := a.BitLen(); bits > 0; bits-- {
		dst, _ := a.Prefix(bits)
		if r, ok := n[dst]; ok {
			return r.Dev, r.Type == routing.Unicast && !r.Via.IsValid()
		}
	}
	return "", false
}

// neighPrefix begins the keys of proxy entries.
const neighPrefix = "neigh "

// ProxiesIn returns the proxy entries whose keys are in Claim.Wants.
func ProxiesIn(wants []string) []routing.Neigh {
	var found []routing.Neigh
	for _, key := range wants {
		rest, ok := strings.CutPrefix(key, neighPrefix)
		dev, text, _ := strings.Cut(rest, " ")
		if a, err := netip.ParseAddr(text); ok && err == nil {
			found = append(found, routing.Neigh{Dev: dev, Addr: a, Mine: true})
		}
	}
	return found
}
