// Package xfrmi holds the rules of the Linux xfrm interface as pure values:
// its if_id, its name, its link attributes and its addresses. It touches no
// kernel; updown/kernel does that.
package xfrmi

import "strconv"

// IfID is the identifier that ties an xfrm interface to the SAs and SPs of a
// tunnel (IFLA_XFRM_IF_ID and XFRMA_IF_ID in linux/if_link.h and
// linux/xfrm.h). The zero value means "none": Linux refuses an xfrm interface
// with if_id 0 since 5.17.
type IfID uint32

// Ipsec0 is the if_id of the device ipsec0. libreswan accepts
// ipsec-interface=0, but an if_id of 0 does not exist, so it uses this number.
const Ipsec0 IfID = 16384

// String returns the decimal form, as it is written in ipsec.conf.
func (id IfID) String() string { return strconv.FormatUint(uint64(id), 10) }

// Named returns the device name and if_id that libreswan gives to
// ipsec-interface=n: ipsecN with if_id N, except that 0 and 16384 both mean
// ipsec0 with if_id 16384 (ipsec.conf(5)).
func Named(n uint32) (name string, id IfID) {
	if n == 0 || IfID(n) == Ipsec0 {
		return "ipsec0", Ipsec0
	}
	return "ipsec" + strconv.FormatUint(uint64(n), 10), IfID(n)
}
