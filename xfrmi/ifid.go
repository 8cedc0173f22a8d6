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

// String returns the decimal form, as it is written in ipsec.conf.
func (id IfID) String() string { return strconv.FormatUint(uint64(id), 10) }
