package routing

import (
	"strconv"
	"strings"
)

// Names of the IPv4 settings of a link that ipsecif reads or writes
// (Documentation/networking/ip-sysctl.rst).
const (
	SysctlRPFilter = "rp_filter"
	// SysctlPromote keeps the other addresses of a net when the first of them
	// is deleted. It is on when it is on for the link or for "all".
	SysctlPromote = "promote_secondaries"
)

// Values of rp_filter. The kernel uses the greater of the values of "all" and
// of the link.
const (
	RPFilterOff    = 0
	RPFilterStrict = 1
	RPFilterLoose  = 2
)

// Sysctl is one IPv4 setting of a link. It has always some value, so it is set
// and restored, never added and deleted.
type Sysctl struct {
	Link, Name string
	Value      int
}

// Key identifies the setting: link and name.
func (s Sysctl) Key() string { return "sysctl " + s.Link + " " + s.Name }

// String returns the setting in the notation of sysctl(8), in which a dot in
// the name of a link is written as a slash.
func (s Sysctl) String() string {
	link := strings.NewReplacer(".", "/", "/", ".").Replace(s.Link)
	return "net.ipv4.conf." + link + "." + s.Name + "=" + strconv.Itoa(s.Value)
}
