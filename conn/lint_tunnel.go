package conn

import (
	"errors"
	"net/netip"
	"slices"
)

// tunnel is a conn seen from this host.
type tunnel struct {
	*Conn
	ours    Side
	peer    netip.Addr // invalid when it is not known
	demands []demand
}

// demand is one remote selector of a tunnel.
type demand struct {
	ours, theirs netip.Prefix // ours is invalid when it is not known
	inside       bool         // the peer's own address is in theirs
}

// attracts tells whether a route is made. With equal selectors on both ends
// somebody else decides what goes in.
func (d demand) attracts() bool { return d.ours != d.theirs }

func (d demand) isDefault() bool { return d.theirs.Bits() == 0 }

// enclosed tells whether the routes of the tunnel are where nothing looks for a
// way that is not meant for it: in a VRF or another network namespace.
func (c *Conn) enclosed() bool { return c.VRF != "" || c.Netns != "" }

// inside tells whether the peer's address is in one of its own selectors, so
// that ESP packets need a way to escape. They are looked up outside of every
// VRF, and in no other network namespace.
func (t *tunnel) inside() bool {
	return !t.enclosed() && slices.ContainsFunc(t.demands, func(d demand) bool { return d.inside })
}

// orient sorts the conns into tunnels and plain, as seen from this host.
func (l *linter) orient(conns []Conn) {
	guess := !slices.ContainsFunc(conns, func(c Conn) bool {
		_, here := l.ours(&c, false)
		return here && c.Interface.IfID != 0
	})
	for i := range conns {
		c := &conns[i]
		side, here := l.ours(c, guess)
		switch {
		case !here:
		case c.Interface.IfID != 0:
			l.tunnels = append(l.tunnels, l.tunnel(c, side))
		default:
			l.plain = append(l.plain, l.tunnel(c, side))
		}
	}
}

// ours returns the end that is this host. When no address tells, a guess takes
// left unless left can only be the peer.
func (l *linter) ours(c *Conn, guess bool) (ours Side, here bool) {
	side, err := c.Orient(l.host.Locals)
	left, right := namesThisHost(c.Left.Host), namesThisHost(c.Right.Host)
	switch {
	case err == nil:
		return side, true
	case errors.Is(err, ErrBothLocal) || left && right:
		return 0, false
	case left:
		return Left, true
	case right:
		return Right, true
	case !guess:
		return 0, false
	case c.Left.Host.Kind != HostAddr && c.Left.Host.Kind != HostName:
		return Right, true
	}
	return Left, true
}

// namesThisHost tells whether a value can only mean an address of this host.
func namesThisHost(h Host) bool { return h.Kind == HostDefaultRoute || h.Kind == HostInterface }

// tunnel works out what a conn asks for on this host.
func (l *linter) tunnel(c *Conn, side Side) tunnel {
	t := tunnel{Conn: c, ours: side}
	ours, theirs := c.Ends(side)
	if theirs.Host.Kind == HostAddr {
		t.peer = theirs.Host.Addr
	}
	local, _ := ours.LocalAddr(l.host.Locals, c.Family)
	if !local.Addr.IsValid() && ours.Host.Kind == HostAddr {
		local.Addr = ours.Host.Addr
	}
	ourNets := nets(ours, local.Addr)
	for _, their := range nets(theirs, t.peer) {
		i := slices.IndexFunc(ourNets, func(our netip.Prefix) bool { return our.Addr().Is4() == their.Addr().Is4() })
		switch {
		case !their.IsValid() || slices.ContainsFunc(t.demands, func(d demand) bool { return d.theirs == their }):
		case i >= 0:
			t.demands = append(t.demands, demand{ourNets[i], their, t.peer.IsValid() && their.Contains(t.peer)})
		case !ourNets[0].IsValid():
			t.demands = append(t.demands, demand{netip.Prefix{}, their, t.peer.IsValid() && their.Contains(t.peer)})
		}
	}
	return t
}

// nets returns the nets of an end, never none: without a selector it is the
// address, which is invalid when it is not known.
func nets(e *End, address netip.Addr) []netip.Prefix {
	if len(e.Subnets) == 0 {
		if !address.IsValid() || e.VirtualSubnet != "" {
			return []netip.Prefix{{}}
		}
		return []netip.Prefix{netip.PrefixFrom(address, address.BitLen())}
	}
	list := make([]netip.Prefix, len(e.Subnets))
	for i, s := range e.Subnets {
		list[i] = s.Prefix
	}
	return list
}
