package routing

import (
	"strconv"
	"strings"
)

// Names of the settings of a link that ipsecif reads or writes
// (Documentation/networking/ip-sysctl.rst).
const (
	SysctlRPFilter = "rp_filter"
	// SysctlPromote keeps the other addresses of a net when the first of them
	// is deleted. It is on when it is on for the link or for "all".
	SysctlPromote = "promote_secondaries"
	// SysctlNoPolicy lets packets in that SPs would refuse. A VTI device needs
	// it: its SPs are for packets with a mark, and those that it has decrypted
	// carry none.
	SysctlNoPolicy = "disable_policy"
	// SysctlProxyNDP lets a link answer for its proxy entries of IPv6. Those of
	// IPv4 need no setting beside forwarding.
	SysctlProxyNDP = "proxy_ndp"
)

// Values of rp_filter. The kernel uses the greater of the values of "all" and
// of the link.
const (
	RPFilterOff    = 0
	RPFilterStrict = 1
	RPFilterLoose  = 2
)

// Sysctl is one setting of a link, for IPv4 unless it says otherwise. It has always some value, so it is set
// and restored, never added and deleted.
type Sysctl struct {
	Link, Name string
	IPv6       bool
	Value      int
}

// Key identifies the setting: link, name and family.
func (s Sysctl) Key() string {
	if s.IPv6 {
		return "sysctl " + s.Link + " " + s.Name + " -6"
	}
	return "sysctl " + s.Link + " " + s.Name
}

// String returns the setting in the notation of sysctl(8), in which a dot in
// the name of a link is written as a slash.
func (s Sysctl) String() string {
	link := strings.NewReplacer(".", "/", "/", ".").Replace(s.Link)
	family := "net.ipv4.conf."
	if s.IPv6 {
		family = "net.ipv6.conf."
	}
	return family + link + "." + s.Name + "=" + strconv.Itoa(s.Value)
}
