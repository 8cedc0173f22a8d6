package plan

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/conn"
)

// Name is a host name with the family of the address that a conn needs of it.
// Conns of both families may have the same host name.
type Name struct {
	Host   string
	Family conn.Family
}

// Names has the addresses of host names, as far as they are known.
type Names map[Name]netip.Addr

// NamesOf returns the host names of a conn.
func NamesOf(c *conn.Conn) []Name {
	var names []Name
	for _, h := range []conn.Host{c.Left.Host, c.Right.Host} {
		if h.Kind == conn.HostName {
			names = append(names, Name{h.Name, c.Family})
		}
	}
	return names
}

// named returns the conn with host names replaced by their addresses, as far
// as those are known.
func (f Facts) named(c *conn.Conn) *conn.Conn {
	c2 := *c
	for _, h := range []*conn.Host{&c2.Left.Host, &c2.Right.Host} {
		if a, ok := f.Names[Name{h.Name, c.Family}]; ok && h.Kind == conn.HostName {
			*h = conn.Host{Kind: conn.HostAddr, Addr: a, Family: h.Family}
		}
	}
	return &c2
}
