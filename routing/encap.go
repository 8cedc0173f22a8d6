package routing

import "strconv"

// Encap is what a route gives to its packets on the way to an xfrm interface
// that serves many tunnels (LWTUNNEL_ENCAP_XFRM of linux/lwtunnel.h, Linux 6.1).
// The zero value is none.
type Encap struct {
	IfID uint32 // of the tunnel; the kernel refuses 0
	Link string // name of the device that ESP leaves by, "" for any
}

// Set reports whether there is one.
func (e Encap) Set() bool { return e.IfID != 0 }

// String returns the encapsulation in the notation of `ip route add`, which
// takes no word after it.
func (e Encap) String() string {
	s := "encap xfrm if_id " + strconv.FormatUint(uint64(e.IfID), 10)
	if e.Link != "" {
		s += " link_dev " + e.Link
	}
	return s
}
