package kernel

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ifaProto is IFA_PROTO of linux/if_addr.h (Linux 5.18; older kernels ignore it).
const ifaProto = 11

// addrs calls each for every address of a link, with index 0 for those of all
// links.
func (k *Kernel) addrs(index uint32, t *linkTable, each func(xfrmi.Addr)) error {
	newRequest := func() *nl.NetlinkRequest {
		req := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
		head := nl.NewIfAddrmsg(unix.AF_UNSPEC)
		head.Index = index
		req.AddData(head)
		return req
	}
	var found []xfrmi.Addr
	err := k.dumps.dump("addresses", unix.RTM_NEWADDR, newRequest, func() { found = nil }, func(msg []byte) {
		head := nl.DeserializeIfAddrmsg(msg)
		if index != 0 && head.Index != index {
			return // before Linux 5.0 the kernel filters nothing
		}
		a := attrs(msg[head.Len():])
		value := a[unix.IFA_LOCAL]
		if value == nil {
			value = a[unix.IFA_ADDRESS]
		}
		addr := xfrmi.Addr{
			Link:   t.name(head.Index),
			Prefix: netip.PrefixFrom(address(value), int(head.Prefixlen)),
		}
		// In IPv6 the same bit means a temporary address.
		addr.Secondary = addr.Prefix.Addr().Is4() && head.Flags&unix.IFA_F_SECONDARY != 0
		if proto := a[ifaProto]; len(proto) == 1 {
			addr.Mine = routing.Protocol(proto[0]) == routing.ProtocolIpsecif
		}
		found = append(found, addr)
	})
	for _, a := range found {
		each(a)
	}
	return err
}

func (k *Kernel) addrRequest(op plan.Op, o xfrmi.Addr) (*nl.NetlinkRequest, error) {
	index, err := k.index(o.Link)
	if err != nil {
		return nil, err
	}
	req := changeRequest(op.Verb, unix.RTM_NEWADDR)
	head := nl.NewIfAddrmsg(int(routing.FamilyOf(o.Prefix.Addr())))
	head.Index = index
	head.Prefixlen = uint8(o.Prefix.Bits())
	if o.Mine && o.Prefix.Addr().Is6() {
		head.Flags = unix.IFA_F_NODAD
	}
	req.AddData(head)
	value := o.Prefix.Addr().AsSlice()
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, value))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, value))
	if o.Mine && op.Verb == plan.Add {
		req.AddData(nl.NewRtAttr(ifaProto, nl.Uint8Attr(uint8(routing.ProtocolIpsecif))))
	}
	return req, nil
}
