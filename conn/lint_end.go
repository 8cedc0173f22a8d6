package conn

import (
	"net/netip"
	"slices"
)

// minMTU6 is the least that every IPv6 link carries, in bytes (RFC 8200).
const minMTU6 = 1280

// ends finds values that do not fit the ends of their conn. It looks at all
// conns, also at those for other hosts.
func (l *linter) ends(conns []Conn) {
	for i := range conns {
		c := &conns[i]
		if c.Interface.IfID != 0 && namesThisHost(c.Left.Host) && namesThisHost(c.Right.Host) {
			l.fail(c, "right", CodeNoPeer, "left="+c.Left.Host.String()+" and right="+c.Right.Host.String()+" both name this host",
				"set one of them to the peer")
		}
		l.smallMTU(c)
	}
	for _, same := range bySection(conns) {
		for _, side := range bothSides {
			l.sourceOutside(same, side)
		}
	}
	for i := range l.tunnels {
		l.escapePeer(&l.tunnels[i])
	}
}

// smallMTU finds routes and interfaces on which IPv6 cannot work.
func (l *linter) smallMTU(c *Conn) {
	route := c.MTU != 0 && c.MTU < minMTU6
	link := c.LinkMTU.Kind == SizeBytes && c.LinkMTU.Bytes < minMTU6
	if !route && !link {
		return
	}
	is6 := func(s Selector) bool { return s.Prefix.Addr().Is6() }
	host6 := c.Family == IPv6 && (len(c.Left.Subnets) == 0 || len(c.Right.Subnets) == 0)
	if !host6 && !slices.ContainsFunc(c.Left.Subnets, is6) && !slices.ContainsFunc(c.Right.Subnets, is6) {
		return
	}
	if link {
		l.fail(c, "link-mtu", CodeMTUBelowIPv6, decimal(uint64(c.LinkMTU.Bytes))+" is too small for the IPv6 selector: the kernel would take all IPv6 addresses and routes off the interface",
			"use 1280 or more, or an interface of its own for IPv6")
	}
	if route {
		l.warn(c, "mtu", CodeMTUBelowIPv6, decimal(uint64(c.MTU))+" is too small for the IPv6 selector: every link must carry packets of 1280 bytes (RFC 8200)",
			"use 1280 or more, or a conn of its own for IPv6")
	}
}

// bySection returns the conns of each section together.
func bySection(conns []Conn) [][]Conn {
	var groups [][]Conn
	for len(conns) > 0 {
		n := 1
		for n < len(conns) && conns[n].Section == conns[0].Section {
			n++
		}
		groups = append(groups, conns[:n])
		conns = conns[n:]
	}
	return groups
}

// sourceOutside finds a source address in none of the selectors of its end.
// Where libreswan looks itself, that was an error before.
func (l *linter) sourceOutside(same []Conn, side Side) {
	within := func(a netip.Addr) bool {
		return slices.ContainsFunc(same, func(c Conn) bool {
			return slices.ContainsFunc(c.End(side).Subnets, func(s Selector) bool { return s.Prefix.Contains(a) })
		})
	}
	end := same[0].End(side)
	if len(end.Subnets) == 0 {
		return
	}
	for _, a := range end.SourceIPs {
		if !within(a) {
			l.warn(&same[0], side.String()+"sourceip", CodeSourceIPOutside,
				a.String()+" is in no subnet of this end, so nothing that has it as its source enters the tunnel", "")
		}
	}
}

// escapePeer finds where the way out by address cannot be had.
func (l *linter) escapePeer(t *tunnel) {
	switch {
	case t.Escape != EscapePeer || !t.inside() && t.VRF == "":
	case schemeOf(t.Conn) != SchemeOverlay && t.VRF == "":
		l.fail(t.Conn, "escape", CodeEscapePeer, "peer needs scheme=overlay", "")
	case slices.ContainsFunc(t.demands, func(d demand) bool { return d.inside && d.theirs.IsSingleIP() }):
		l.fail(t.Conn, "escape", CodeEscapePeer,
			"the peer is its own remote selector, so what is to be protected would escape as well",
			"use escape=mark and let the IKE daemon set a mark")
	}
}
