package xfrmi

import (
	"net/netip"
	"strconv"
)

// The rtnetlink kinds of VTI devices, by the family of the outer addresses.
// Kernels without xfrm interfaces have them.
const (
	KindVTI  = "vti"
	KindVTI6 = "vti6"
)

// VTI is what a VTI device has besides its name (IFLA_VTI_* of
// linux/if_tunnel.h). The zero value is no VTI device.
type VTI struct {
	Local, Remote netip.Addr // outer addresses; an invalid Remote means any
	InKey, OutKey uint32     // the marks of the SPs and SAs of the tunnel
}

// String returns the settings in the notation of `ip link add`.
func (v VTI) String() string {
	s := ""
	if v.Local.IsValid() {
		s = "local " + v.Local.String() + " "
	}
	if v.Remote.IsValid() {
		s += "remote " + v.Remote.String() + " "
	}
	return s + "ikey " + strconv.FormatUint(uint64(v.InKey), 10) + " okey " + strconv.FormatUint(uint64(v.OutKey), 10)
}

// Carries reports whether packets between two outer addresses, in either
// direction, belong to the device as far as addresses tell.
func (v VTI) Carries(a, b netip.Addr) bool {
	if b == v.Local {
		a, b = b, a
	}
	return a == v.Local && (!v.Remote.IsValid() || b == v.Remote)
}

// IsVTI reports whether the link is a VTI device.
func (l Link) IsVTI() bool { return l.Kind == KindVTI || l.Kind == KindVTI6 }

// IsTunnel reports whether the link is one that leads into IPsec tunnels.
func (l Link) IsTunnel() bool { return l.Kind == Kind || l.IsVTI() }
