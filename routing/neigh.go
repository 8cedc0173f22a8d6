package routing

import "net/netip"

// Neigh is a proxy entry among the neighbours of a link: this host answers there
// for an address that it leads on, by ARP, in IPv6 by neighbour discovery. The
// zero value is no entry.
type Neigh struct {
	Dev  string
	Addr netip.Addr
	Mine bool // carries the protocol of ipsecif (NDA_PROTOCOL, Linux 5.0)
}

// Key identifies the entry as the kernel does: by all but who made it.
func (n Neigh) Key() string { return "neigh " + n.Dev + " " + n.Addr.String() }

// String returns the entry in the notation of `ip neigh add`.
func (n Neigh) String() string {
	s := "proxy " + n.Addr.String() + " dev " + n.Dev
	if n.Mine {
		s += " protocol " + ProtocolIpsecif.String()
	}
	return s
}
