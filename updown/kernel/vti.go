package kernel

import (
	"encoding/binary"
	"net/netip"

	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes of IFLA_INFO_DATA of a VTI device (linux/if_tunnel.h). The keys are
// in network byte order.
const (
	iflaVTIInKey  = 2
	iflaVTIOutKey = 3
	iflaVTILocal  = 4
	iflaVTIRemote = 5
)

// addVTI adds the settings of a VTI device to the data of its creation.
func addVTI(data *nl.RtAttr, v xfrmi.VTI) {
	for attr, key := range map[int]uint32{iflaVTIInKey: v.InKey, iflaVTIOutKey: v.OutKey} {
		data.AddRtAttr(attr, binary.BigEndian.AppendUint32(nil, key))
	}
	data.AddRtAttr(iflaVTILocal, v.Local.AsSlice())
	if v.Remote.IsValid() {
		data.AddRtAttr(iflaVTIRemote, v.Remote.AsSlice())
	}
}

func parseVTI(data map[uint16][]byte) xfrmi.VTI {
	key := func(b []byte) uint32 {
		if len(b) != 4 {
			return 0
		}
		return binary.BigEndian.Uint32(b)
	}
	return xfrmi.VTI{
		Local: specified(data[iflaVTILocal]), Remote: specified(data[iflaVTIRemote]),
		InKey: key(data[iflaVTIInKey]), OutKey: key(data[iflaVTIOutKey]),
	}
}

// specified returns an address attribute, invalid for the unspecified one.
func specified(b []byte) netip.Addr {
	if a := address(b); a.IsValid() && !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

// Indices of settings in IFLA_INET_CONF (IPV4_DEVCONF_* of linux/ip.h, counted
// from 0) and in IFLA_INET6_CONF (DEVCONF_* of linux/ipv6.h).
const (
	confNoPolicy  = 15
	confNoPolicy6 = 48 // Linux 4.12
	confProxyNDP  = 22
)

// noPolicy returns the values of disable_policy for IPv4 and IPv6, -1 for a
// setting that there is not.
func noPolicy(spec map[uint16][]byte) (v4, v6 int) {
	return setting(attrs(spec[unix.AF_INET])[unix.IFLA_INET_CONF], confNoPolicy),
		setting(attrs(spec[unix.AF_INET6])[unix.IFLA_INET6_CONF], confNoPolicy6)
}

// setting returns a value of IFLA_INET_CONF or IFLA_INET6_CONF, -1 for one that
// there is not.
func setting(conf []byte, i int) int {
	if len(conf) < 4*(i+1) {
		return -1
	}
	return int(number(conf[4*i:]))
}
