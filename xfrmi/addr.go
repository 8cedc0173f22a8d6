package xfrmi

import "net/netip"

// Addr is an address on a link. The zero value is no address.
type Addr struct {
	Link   string
	Prefix netip.Prefix // host bits kept: 192.0.2.1/24
	Mine   bool         // carries the address protocol of ipsecif (IFA_PROTO, Linux 5.18)
	// Secondary says that the link had an IPv4 address of the same net before
	// (IFA_F_SECONDARY). The kernel decides that; it is no part of a wish.
	Secondary bool
}

// Key identifies the address as the kernel does: link, address and length for
// IPv4; IPv6 allows one length for an address on a link.
func (a Addr) Key() string {
	if a.Prefix.Addr().Is4() {
		return "addr " + a.Link + " " + a.Prefix.String()
	}
	return "addr " + a.Link + " " + a.Prefix.Addr().String()
}

// String returns the address in the notation of `ip address add`.
func (a Addr) String() string {
	s := a.Prefix.String() + " dev " + a.Link
	if a.Mine && a.Prefix.Addr().Is6() {
		// Without duplicate address detection, which nothing on an xfrm
		// interface could answer, the address serves as a source at once.
		s += " nodad"
	}
	if a.Mine {
		s += " proto 50"
	}
	return s
}
