package conn

import (
	"errors"
	"fmt"
	"net/netip"
)

// Locals is what Orient needs to know about this host.
type Locals struct {
	Addrs         []LocalAddr
	DefaultRoutes []DefaultRoute // best first
}

// LocalAddr is an address of this host.
type LocalAddr struct {
	Dev  string
	Addr netip.Addr
}

// DefaultRoute is a default route of this host.
type DefaultRoute struct {
	Dev     string
	Gateway netip.Addr // invalid when the route has none
	Source  netip.Addr // preferred source; invalid when the route names none
	Family  Family
}

// Errors of Orient, to be tested with errors.Is.
var (
	// ErrNotLocal means that neither end is an address of this host.
	ErrNotLocal = errors.New("neither end is local")
	// ErrBothLocal means that both ends are addresses of this host.
	ErrBothLocal = errors.New("both ends are local")
	// ErrNotYet means that an end names a device or the default route, which
	// has no address at the moment.
	ErrNotYet = errors.New("local address not known yet")
	// ErrHostName means that no end is local and one is a DNS name, which is
	// never looked up here.
	ErrHostName = errors.New("a host name is not looked up")
)

// LocalAddr returns the address and device by which this end is local. For
// left=%eth0 it is the first address of the device, for left=%defaultroute the
// source address of the best default route, each of the family of the conn.
// It returns false when the end is not local, or not at the moment.
func (e *End) LocalAddr(l Locals, family Family) (LocalAddr, bool) {
	switch e.Host.Kind {
	case HostAddr:
		for _, a := range l.Addrs {
			if a.Addr.WithZone("") == e.Host.Addr {
				return a, true
			}
		}
	case HostInterface:
		return l.firstOn(e.Host.Name, family)
	case HostDefaultRoute:
		for _, r := range l.DefaultRoutes {
			if r.Family != family {
				continue
			}
			if r.Source.IsValid() {
				return LocalAddr{Dev: r.Dev, Addr: r.Source}, true
			}
			if a, ok := l.firstOn(r.Dev, family); ok {
				return a, true
			}
		}
	}
	return LocalAddr{}, false
}

// firstOn returns the first address of a device that can be used to reach
// others, link-local ones do not count.
func (l Locals) firstOn(dev string, family Family) (LocalAddr, bool) {
	for _, a := range l.Addrs {
		if a.Dev == dev && familyOf(a.Addr) == family && !a.Addr.IsLinkLocalUnicast() {
			return a, true
		}
	}
	return LocalAddr{}, false
}

// Orient finds which end of the conn is this host. Exactly one end must be an
// address of this host, unless LeftIsLocal. The error wraps ErrNotLocal,
// ErrBothLocal, ErrNotYet or ErrHostName.
func (c *Conn) Orient(l Locals) (ours Side, err error) {
	if c.LeftIsLocal {
		return Left, nil
	}
	_, left := c.Left.LocalAddr(l, c.Family)
	_, right := c.Right.LocalAddr(l, c.Family)
	switch {
	case left && !right:
		return Left, nil
	case right && !left:
		return Right, nil
	case left && right:
		return 0, c.orientError(ErrBothLocal, "left=%s and right=%s are both addresses of this host", c.Left.Host, c.Right.Host)
	}
	for _, side := range bothSides {
		switch h := c.End(side).Host; h.Kind {
		case HostInterface:
			return 0, c.orientError(ErrNotYet, "%s=%s: the device has no %s address", side, h, c.Family)
		case HostDefaultRoute:
			return 0, c.orientError(ErrNotYet, "%s=%s: there is no %s default route", side, h, c.Family)
		}
	}
	for _, side := range bothSides {
		if h := c.End(side).Host; h.Kind == HostName {
			return 0, c.orientError(ErrHostName, "%s=%s may be this host", side, h)
		}
	}
	return 0, c.orientError(ErrNotLocal, "neither left=%s nor right=%s is an address of this host", c.Left.Host, c.Right.Host)
}

// orientError is an error of Orient. Those who only want its kind do not pay
// for the text.
type orientError struct {
	name   string // of the conn
	kind   error
	format string
	ends   []any
}

func (c *Conn) orientError(kind error, format string, ends ...any) error {
	return &orientError{c.Name, kind, format, ends}
}

func (e *orientError) Error() string {
	return fmt.Sprintf("conn %q: %s: %v", e.name, fmt.Sprintf(e.format, e.ends...), e.kind)
}

func (e *orientError) Unwrap() error { return e.kind }
