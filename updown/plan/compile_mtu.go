package plan

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/xfrmi"
)

// usualPath is the MTU of a path that is not known.
const usualPath = 1500

// Addresses that stand for a peer that is not known when the path to it is
// asked for: nobody has them (RFC 5737, RFC 3849), so that is the default route.
var (
	somewhere4 = netip.MustParseAddr("198.51.100.1")
	somewhere6 = netip.MustParseAddr("2001:db8::1")
)

// far returns the address to which the path decides about sizes.
func (t Tunnel) far() PathQuery {
	switch {
	case t.Peer.IsValid():
		return PathQuery{t.Peer, t.Mark.Value}
	case t.ESP.IPv6:
		return PathQuery{somewhere6, t.Mark.Value}
	}
	return PathQuery{somewhere4, t.Mark.Value}
}

// TunnelMTU is the MTU of a link for one or more conns.
type TunnelMTU struct {
	Link string `json:"link"`
	xfrmi.MTU
	// Estimate says why it is the least that SAs leave and not exact; "" when
	// it is exact.
	Estimate string `json:"estimate,omitempty"`
	most     int    // of an estimate, what no SA exceeds
}

// Reasons for an estimate.
const (
	noSAs     = "there are no SAs yet"
	unreadSAs = "SAs can only be read with privilege"
)

// String returns the arithmetic in one line.
func (m TunnelMTU) String() string {
	s := m.MTU.String()
	if m.Estimate != "" {
		s += " (at least: " + m.Estimate + ")"
	}
	return s
}

// mayBe reports whether n is right for SAs that are not known now.
func (m TunnelMTU) mayBe(n int) bool { return m.Estimate != "" && m.Bytes <= n && n <= m.most }

// mtuOn returns the MTU of a link in a state, 0 when there is none.
func mtuOn(s State, link string) int {
	a, _ := s[xfrmi.Attr{Link: link, Name: xfrmi.AttrMTU}.Key()].(xfrmi.Attr)
	n, _ := strconv.Atoi(a.Value)
	return n
}

// staysSmall reports whether the MTU of a link remains too small for IPv6.
func (w Want) staysSmall(have State, link string) bool {
	n := mtuOn(w.State, link)
	if n == 0 {
		n = mtuOn(have, link)
	}
	return n < xfrmi.MinMTU6
}

// MTUsOf returns the computed MTUs of the links of claims, by the names of the
// links.
func (w Want) MTUsOf(claims []Claim, facts Facts) []TunnelMTU {
	var found []TunnelMTU
	for _, c := range claims {
		if m, ok := w.MTU(c.Tunnel, facts.LinkOf(c.Tunnel)); ok && c.Tunnel.LinkMTU.Auto {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b TunnelMTU) int { return strings.Compare(a.Link, b.Link) })
	return slices.CompactFunc(found, func(a, b TunnelMTU) bool { return a.Link == b.Link })
}

// sizes finds out the MTU of every link for which one is asked: the smallest
// that serves all its conns. Below 1280 Linux takes IPv6 off a link, so that is
// refused where IPv6 is wanted.
func (c *compiler) sizes(claims []Claim) {
	six := map[string]bool{}
	for _, claim := range claims {
		t := claim.Tunnel
		six[t.Link] = six[t.Link] || t.wantsIPv6()
		if t.LinkMTU == (Size{}) {
			continue
		}
		m := c.mtuFor(t)
		if other, ok := c.want.MTUs[t.Link]; !ok || m.Bytes < other.Bytes {
			c.want.MTUs[t.Link] = m
		}
	}
	for link, m := range c.want.MTUs {
		if six[link] && m.Estimate != "" && m.Bytes < xfrmi.MinMTU6 && m.most >= xfrmi.MinMTU6 {
			m.MTU = m.Raised(xfrmi.MinMTU6, "for IPv6") // the SAs may leave enough
			c.want.MTUs[link] = m
		}
	}
	for _, claim := range claims {
		t := claim.Tunnel
		m, ok := c.want.MTUs[t.Link]
		if !ok || t.LinkMTU == (Size{}) {
			continue
		}
		switch {
		case m.Bytes < xfrmi.MinMTU:
			c.problem(claim, "link-mtu: nothing is left for %s: %s", t.Link, m)
		case six[t.Link] && m.Bytes < xfrmi.MinMTU6:
			c.problem(claim, "link-mtu: the MTU of %s would be %s, but with less than %d the kernel takes all IPv6 addresses and routes off a link; "+
				"set link-mtu=%d and let the kernel fragment, or give IPv6 a conn and an interface of its own", t.Link, m, xfrmi.MinMTU6, xfrmi.MinMTU6)
		default:
			c.linkMTU[t.Link] = m.Bytes
		}
	}
}

// putMTU puts the MTU of a claim's link, and what has to be as long as the
// kernel has IPv6 on it: without this attribute every IPv6 link costs more than
// the one before, and brings a link-local address that nothing here needs.
func (c *compiler) putMTU(claim Claim) {
	link := claim.Tunnel.Link
	mtu, ok := c.linkMTU[link]
	if ok && claim.Tunnel.LinkMTU != (Size{}) {
		c.put(claim, mtuAttr(link, mtu))
	}
	if !c.facts.NoIPv6 && (!ok || mtu >= xfrmi.MinMTU6) {
		c.put(claim, xfrmi.Attr{Link: link, Name: xfrmi.AttrAddrGen, Value: "none"})
	}
}

func mtuAttr(link string, mtu int) xfrmi.Attr {
	return xfrmi.Attr{Link: link, Name: xfrmi.AttrMTU, Value: strconv.Itoa(mtu)}
}

// Release gives links that stay the MTU of a new link, when the conns that had
// another one set there are gone or ask for none any more.
func (w Want) Release(gone []Tunnel, facts Facts) {
	for _, t := range gone {
		link := facts.LinkOf(t)
		_, asked := w.MTU(t, link)
		here := w.in(t.Netns).State
		if t.LinkMTU != (Size{}) && !asked && here[xfrmi.Link{Name: link}.Key()] != nil {
			here.Put(mtuAttr(link, xfrmi.DefaultMTU))
		}
	}
}

// ComputesSizes reports whether sizes of the tunnel depend on its SAs.
func (t Tunnel) ComputesSizes() bool { return t.LinkMTU.Auto || t.MSS.Auto }

func (t Tunnel) wantsIPv6() bool {
	return slices.ContainsFunc(t.Addrs, func(a netip.Prefix) bool { return a.Addr().Is6() }) ||
		slices.ContainsFunc(t.Pairs, func(p Pair) bool { return p.Theirs.Addr().Is6() })
}

// mtuFor returns the MTU that one tunnel needs: the one it gives, or computed.
func (c *compiler) mtuFor(t Tunnel) TunnelMTU {
	if n := int(t.LinkMTU.Bytes); n != 0 {
		return TunnelMTU{Link: t.Link, MTU: xfrmi.MTU{Bytes: n}}
	}
	return c.computedMTU(t)
}

// computedMTU returns what the smallest of a tunnel's SAs leaves, else what is
// left by the worst that they may be.
func (c *compiler) computedMTU(t Tunnel) TunnelMTU {
	path := c.pathMTU(t)
	m := TunnelMTU{
		Link: t.Link, MTU: t.ESP.MTU(path), Estimate: noSAs,
		most: xfrmi.ESP{Mode: t.ESP.Mode, IPv6: t.ESP.IPv6}.MTU(path).Bytes,
	}
	if c.facts.NoSAs {
		m.Estimate = unreadSAs
	}
	for _, sa := range c.facts.SAs[t.IfID] {
		if sa.Direction != Out || sa.Proto != ProtoESP || t.Peer.IsValid() && sa.Dst != t.Peer {
			continue
		}
		if t.ESP.Mode == xfrmi.Tunnel && sa.ESP.Mode == xfrmi.Transport {
			sa.ESP.Mode = xfrmi.Tunnel // of IPComp, inside the transport mode of ESP
		}
		if exact := sa.ESP.MTU(path); m.Estimate != "" || exact.Bytes < m.Bytes {
			m.MTU, m.Estimate = exact, ""
		}
	}
	return m
}

// pathMTU returns the MTU of the path to the peer.
func (c *compiler) pathMTU(t Tunnel) int {
	if p := c.facts.Paths[t.far()]; p.MTU != 0 {
		return int(p.MTU)
	}
	return usualPath
}
