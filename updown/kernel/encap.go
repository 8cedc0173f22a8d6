package kernel

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes of RTA_ENCAP of the type LWTUNNEL_ENCAP_XFRM (linux/lwtunnel.h).
const (
	lwtXfrmIfID = 1
	lwtXfrmLink = 2
)

// encapAttrs returns the attributes of a route that say which tunnel its
// packets take.
func (k *Kernel) encapAttrs(e routing.Encap) ([]*nl.RtAttr, error) {
	if !e.Set() {
		return nil, nil
	}
	data := nl.NewRtAttr(unix.RTA_ENCAP|unix.NLA_F_NESTED, nil)
	data.AddRtAttr(lwtXfrmIfID, nl.Uint32Attr(e.IfID))
	if e.Link != "" {
		index, err := k.index(e.Link)
		if err != nil {
			return nil, err
		}
		data.AddRtAttr(lwtXfrmLink, nl.Uint32Attr(index))
	}
	return []*nl.RtAttr{data, nl.NewRtAttr(unix.RTA_ENCAP_TYPE, nl.Uint16Attr(unix.LWTUNNEL_ENCAP_XFRM))}, nil
}

// parseEncap returns the zero value for encapsulations of other types, which
// otherOfRoute names.
func parseEncap(a map[uint16][]byte, links *linkTable) routing.Encap {
	if !isXfrmEncap(a) {
		return routing.Encap{}
	}
	data := attrs(a[unix.RTA_ENCAP])
	return routing.Encap{IfID: number(data[lwtXfrmIfID]), Link: links.name(number(data[lwtXfrmLink]))}
}

func isXfrmEncap(a map[uint16][]byte) bool {
	t := a[unix.RTA_ENCAP_TYPE]
	return len(t) == 2 && nl.NativeEndian().Uint16(t) == unix.LWTUNNEL_ENCAP_XFRM
}

// otherEncap reports whether a route has an encapsulation beyond what
// parseEncap reads.
func otherEncap(a map[uint16][]byte) bool {
	if !isXfrmEncap(a) {
		return a[unix.RTA_ENCAP_TYPE] != nil
	}
	for attr := range attrs(a[unix.RTA_ENCAP]) {
		if attr != lwtXfrmIfID && attr != lwtXfrmLink {
			return true
		}
	}
	return false
}
