package kernel

import (
	"strconv"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes of IFLA_INFO_DATA of an xfrm interface (linux/if_link.h).
const (
	iflaXfrmLink = 1
	iflaXfrmIfID = 2
	iflaXfrmMeta = 3 // IFLA_XFRM_COLLECT_METADATA, a flag
)

// iflaVRFTable is IFLA_VRF_TABLE of linux/if_link.h.
const iflaVRFTable = 1

// rtextFilterSkipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h.
const rtextFilterSkipStats = 1 << 3

// addrGenModes has the names of IN6_ADDR_GEN_MODE_* (linux/if_link.h).
var addrGenModes = []string{"eui64", "none", "stable_secret", "random"}

// linkTable is what is known of links besides the state.
type linkTable struct {
	k     *Kernel
	names map[uint32]string       // by index
	under map[string]uint32       // by name, the index of the link device
	owner map[string]uint32       // by name, the index of the master; of every xfrm interface
	conf  map[string]linkConf     // by name
	mtus  map[string]plan.LinkMTU // by name, of all but xfrm interfaces
	ptp   map[string]bool         // by name, those with one other end
	arp   map[string]int          // by name, of those that answer ARP the value of proxy_ndp, -1 for no IPv6
}

// linkConf has settings of a link, as RTM_GETLINK shows them: that
// costs nothing, whereas reading them under /proc/sys takes three system calls
// for each.
type linkConf struct {
	rpFilter            int
	promotes            bool
	isVTI               bool
	noPolicy, noPolicy6 int // -1 for none
}

// Indices of IFLA_INET_CONF (IPV4_DEVCONF_* of linux/ip.h, counted from 0).
const (
	confRPFilter = 7
	confPromote  = 19
)

func (k *Kernel) newLinkTable() *linkTable {
	return &linkTable{k, map[uint32]string{}, map[string]uint32{}, map[string]uint32{}, map[string]linkConf{}, map[string]plan.LinkMTU{}, map[string]bool{}, map[string]int{}}
}

// forget takes all links that were read out of the state.
func (t *linkTable) forget(s plan.State) {
	for key, o := range s {
		switch o.(type) {
		case xfrmi.Link, xfrmi.Attr:
			delete(s, key)
		}
	}
	*t = *t.k.newLinkTable()
}

// name returns the name of the link with an index, "" when there is none.
func (t *linkTable) name(index uint32) string {
	name, ok := t.names[index]
	if !ok && index != 0 {
		name = t.k.name(index)
		t.names[index] = name
	}
	return name
}

// resolve names the link devices of the xfrm interfaces that were read, and the
// masters.
func (t *linkTable) resolve(s plan.State) {
	for name, index := range t.under {
		link := s[xfrmi.Link{Name: name}.Key()].(xfrmi.Link)
		link.Under = t.name(index)
		s.Put(link)
	}
	for name, index := range t.owner {
		s.Put(xfrmi.Attr{Link: name, Name: xfrmi.AttrMaster, Value: t.name(index)})
	}
}

func linksRequest(k *Kernel, flags int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, flags)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextFilterSkipStats)))
	return req
}

// links adds every link to the state, with attributes for xfrm interfaces.
func (k *Kernel) links(s plan.State) (*linkTable, error) {
	t := k.newLinkTable()
	newRequest := func() *nl.NetlinkRequest { return linksRequest(k, unix.NLM_F_DUMP) }
	err := k.dumps.dump("links", unix.RTM_NEWLINK, newRequest, func() { t.forget(s) }, func(msg []byte) { t.link(s, msg) })
	t.resolve(s)
	return t, err
}

// link adds the link of one message and returns its index.
func (t *linkTable) link(s plan.State, msg []byte) uint32 {
	head := nl.DeserializeIfInfomsg(msg)
	a := attrs(msg[head.Len():])
	link := xfrmi.Link{Name: text(a[unix.IFLA_IFNAME])}
	t.names[uint32(head.Index)] = link.Name
	info := attrs(a[unix.IFLA_LINKINFO])
	link.Kind = text(info[unix.IFLA_INFO_KIND])
	if link.Kind == xfrmi.KindVRF {
		link.Table = number(attrs(info[unix.IFLA_INFO_DATA])[iflaVRFTable])
	}
	if master := number(a[unix.IFLA_MASTER]); master != 0 || link.IsTunnel() {
		t.owner[link.Name] = master
	}
	spec := attrs(a[unix.IFLA_AF_SPEC])
	if c := attrs(spec[unix.AF_INET])[unix.IFLA_INET_CONF]; len(c) >= 4*(confPromote+1) {
		conf := linkConf{rpFilter: int(number(c[4*confRPFilter:])), promotes: number(c[4*confPromote:]) != 0, isVTI: link.IsVTI()}
		conf.noPolicy, conf.noPolicy6 = noPolicy(spec)
		t.conf[link.Name] = conf
	}
	if link.IsTunnel() {
		data := attrs(info[unix.IFLA_INFO_DATA])
		if link.IsVTI() {
			link.VTI = parseVTI(data)
		} else {
			link.IfID = xfrmi.IfID(number(data[iflaXfrmIfID]))
			_, link.External = data[iflaXfrmMeta]
		}
		link.Far = t.k.isFar(a[unix.IFLA_LINK_NETNSID])
		link.Mine = text(a[unix.IFLA_IFALIAS]) == link.Alias()
		t.under[link.Name] = number(a[unix.IFLA_LINK])
		linkAttrs(s, link.Name, head, a)
	} else {
		t.mtus[link.Name] = mtuOf(a)
		t.ptp[link.Name] = head.Flags&unix.IFF_POINTOPOINT != 0
		if head.Type == unix.ARPHRD_ETHER && head.Flags&unix.IFF_NOARP == 0 {
			t.arp[link.Name] = setting(attrs(spec[unix.AF_INET6])[unix.IFLA_INET6_CONF], confProxyNDP)
		}
	}
	s.Put(link)
	return uint32(head.Index)
}

// devconfMTU6 is the place of the MTU for IPv6 in IFLA_INET6_CONF
// (DEVCONF_MTU6 of linux/ipv6.h).
const devconfMTU6 = 2

func mtuOf(a map[uint16][]byte) plan.LinkMTU {
	mtu := plan.LinkMTU{Link: number(a[unix.IFLA_MTU])}
	if conf := attrs(attrs(a[unix.IFLA_AF_SPEC])[unix.AF_INET6])[unix.IFLA_INET6_CONF]; len(conf) > 4*devconfMTU6 {
		mtu.IPv6 = number(conf[4*devconfMTU6:])
	}
	return mtu
}

func linkAttrs(s plan.State, name string, head *nl.IfInfomsg, a map[uint16][]byte) {
	put := func(attr, value string) { s.Put(xfrmi.Attr{Link: name, Name: attr, Value: value}) }
	state := "down"
	if head.Flags&unix.IFF_UP != 0 {
		state = "up"
	}
	put(xfrmi.AttrState, state)
	multicast := "off"
	if head.Flags&unix.IFF_MULTICAST != 0 {
		multicast = "on"
	}
	put(xfrmi.AttrMulticast, multicast)
	put(xfrmi.AttrAlias, text(a[unix.IFLA_IFALIAS]))
	put(xfrmi.AttrMTU, strconv.FormatUint(uint64(number(a[unix.IFLA_MTU])), 10))
	inet6 := attrs(attrs(a[unix.IFLA_AF_SPEC])[unix.AF_INET6])
	if mode := inet6[unix.IFLA_INET6_ADDR_GEN_MODE]; len(mode) == 1 && int(mode[0]) < len(addrGenModes) {
		put(xfrmi.AttrAddrGen, addrGenModes[mode[0]])
	}
}

// linkRequest returns the message for one operation on a link or attribute.
func (k *Kernel) linkRequest(op plan.Op) (*nl.NetlinkRequest, error) {
	switch o := op.Object.(type) {
	case xfrmi.Link:
		if op.Verb == plan.Del {
			req := changeRequest(op.Verb, unix.RTM_NEWLINK)
			req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
			req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(o.Name)))
			return req, nil
		}
		return k.createRequest(o)
	case xfrmi.Attr:
		return k.attrRequest(o)
	}
	return nil, unknownObject(op)
}

func (k *Kernel) createRequest(l xfrmi.Link) (*nl.NetlinkRequest, error) {
	index, err := k.unusedIndex()
	if err != nil {
		return nil, err
	}
	k.indices[l.Name] = index
	req := changeRequest(plan.Add, unix.RTM_NEWLINK)
	head := nl.NewIfInfomsg(unix.AF_UNSPEC)
	head.Index = int32(index)
	req.AddData(head)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(l.Name)))
	if l.Kind == xfrmi.Kind && !l.Far && k.netns.name != "" {
		id, err := k.giveHomeID()
		if err != nil {
			return nil, err
		}
		req.AddData(nl.NewRtAttr(unix.IFLA_LINK_NETNSID, nl.Uint32Attr(id)))
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated(l.Kind))
	if l.IsVTI() {
		addVTI(info.AddRtAttr(unix.IFLA_INFO_DATA, nil), l.VTI)
	}
	if l.Kind == xfrmi.Kind {
		data := info.AddRtAttr(unix.IFLA_INFO_DATA, nil)
		if l.External {
			data.AddRtAttr(iflaXfrmMeta, nil)
		} else {
			data.AddRtAttr(iflaXfrmIfID, nl.Uint32Attr(uint32(l.IfID)))
		}
		if l.Under != "" {
			index, err := k.index(l.Under)
			if err != nil {
				return nil, err
			}
			data.AddRtAttr(iflaXfrmLink, nl.Uint32Attr(index))
		}
	}
	if l.Table != 0 {
		info.AddRtAttr(unix.IFLA_INFO_DATA, nil).AddRtAttr(iflaVRFTable, nl.Uint32Attr(l.Table))
	}
	req.AddData(info)
	return req, nil
}

func (k *Kernel) attrRequest(a xfrmi.Attr) (*nl.NetlinkRequest, error) {
	index, err := k.index(a.Link)
	if err != nil {
		return nil, err
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	head := nl.NewIfInfomsg(unix.AF_UNSPEC)
	head.Index = int32(index)
	req.AddData(head)
	switch a.Name {
	case xfrmi.AttrState:
		head.Change = unix.IFF_UP
		if a.Value == "up" {
			head.Flags = unix.IFF_UP
		}
	case xfrmi.AttrMulticast:
		head.Change = unix.IFF_MULTICAST
		if a.Value == "on" {
			head.Flags = unix.IFF_MULTICAST
		}
	case xfrmi.AttrMaster:
		master := uint32(0)
		if a.Value != "" {
			if master, err = k.index(a.Value); err != nil {
				return nil, err
			}
		}
		req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(master)))
	case xfrmi.AttrAlias:
		req.AddData(nl.NewRtAttr(unix.IFLA_IFALIAS, []byte(a.Value)))
	case xfrmi.AttrMTU:
		mtu, err := strconv.ParseUint(a.Value, 10, 32)
		if err != nil {
			return nil, err
		}
		req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu))))
	case xfrmi.AttrAddrGen:
		spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
		inet6 := spec.AddRtAttr(unix.AF_INET6, nil)
		for mode, name := range addrGenModes {
			if name == a.Value {
				inet6.AddRtAttr(unix.IFLA_INET6_ADDR_GEN_MODE, nl.Uint8Attr(uint8(mode)))
			}
		}
		req.AddData(spec)
	}
	return req, nil
}
