package kernel

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Numbers of linux/neighbour.h that the unix package lacks.
const (
	ndaProtocol = 12 // NDA_PROTOCOL, Linux 5.0; older kernels ignore it
	ndmFlags    = 10 // offsets in struct ndmsg
	ndmIndex    = 4
)

// proxyHeader is a struct ndmsg about proxy entries.
type proxyHeader struct {
	family uint8  // 0 for both
	index  uint32 // of the link, 0 in dumps
}

// Len returns the size of the header.
func (h proxyHeader) Len() int { return unix.SizeofNdMsg }

// Serialize returns the header as the kernel reads it.
func (h proxyHeader) Serialize() []byte {
	b := make([]byte, unix.SizeofNdMsg)
	b[0], b[ndmFlags] = h.family, unix.NTF_PROXY
	nl.NativeEndian().PutUint32(b[ndmIndex:], h.index)
	return b
}

// proxies adds the proxy entries of all links.
func (k *Kernel) proxies(s plan.State, links *linkTable) error {
	newRequest := func() *nl.NetlinkRequest {
		req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, unix.NLM_F_DUMP)
		req.AddData(proxyHeader{})
		return req
	}
	var found []routing.Neigh
	err := k.dumps.dump("proxy neighbours", unix.RTM_NEWNEIGH, newRequest, func() { found = nil }, func(msg []byte) {
		if n, ok := parseProxy(msg, links); ok {
			found = append(found, n)
		}
	})
	for _, n := range found {
		s.Put(n)
	}
	return err
}

// parseProxy returns the entry of a message. One for all links at once, as arp(8)
// makes them, is none: it belongs to no link that could be managed.
func parseProxy(msg []byte, links *linkTable) (routing.Neigh, bool) {
	if len(msg) < unix.SizeofNdMsg || msg[ndmFlags]&unix.NTF_PROXY == 0 {
		return routing.Neigh{}, false
	}
	a := attrs(msg[unix.SizeofNdMsg:])
	n := routing.Neigh{Dev: links.name(nl.NativeEndian().Uint32(msg[ndmIndex:])), Addr: address(a[unix.NDA_DST])}
	if proto := a[ndaProtocol]; len(proto) == 1 {
		n.Mine = routing.Protocol(proto[0]) == routing.ProtocolIpsecif
	}
	return n, n.Dev != "" && n.Addr.IsValid()
}

// proxy adds the proxy entry for an address on a link, if there is one.
func (k *Kernel) proxy(s plan.State, links *linkTable, index uint32, a netip.Addr) error {
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	req.AddData(proxyHeader{uint8(routing.FamilyOf(a)), index})
	req.AddData(nl.NewRtAttr(unix.NDA_DST, a.AsSlice()))
	msg, err := k.dumps.one(req, unix.RTM_NEWNEIGH)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the proxy neighbour %s on %s: %w", a, links.name(index), err)
	}
	if n, ok := parseProxy(msg, links); ok {
		s.Put(n)
	}
	return nil
}

func (k *Kernel) neighRequest(op plan.Op, n routing.Neigh) (*nl.NetlinkRequest, error) {
	index, err := k.index(n.Dev)
	if err != nil {
		return nil, err
	}
	req := changeRequest(op.Verb, unix.RTM_NEWNEIGH)
	req.AddData(proxyHeader{uint8(routing.FamilyOf(n.Addr)), index})
	req.AddData(nl.NewRtAttr(unix.NDA_DST, n.Addr.AsSlice()))
	if n.Mine && op.Verb == plan.Add {
		req.AddData(nl.NewRtAttr(ndaProtocol, nl.Uint8Attr(uint8(routing.ProtocolIpsecif))))
	}
	return req, nil
}

// ethernet returns the links on which this host is found by ARP.
func (t *linkTable) ethernet() map[string]bool {
	names := make(map[string]bool, len(t.arp))
	for name := range t.arp {
		names[name] = true
	}
	return names
}

// proxyNDP adds the settings that let links answer for their proxy entries of
// IPv6.
func (t *linkTable) proxyNDP(s plan.State) {
	for name, value := range t.arp {
		if value >= 0 {
			s.Put(routing.Sysctl{Link: name, Name: routing.SysctlProxyNDP, IPv6: true, Value: value})
		}
	}
}

// neighbours adds what is asked for of addresses that may be on the net of a
// link: the routes that say so, and the proxy entries. It notes the links, whose
// settings are to be read as well.
func (k *Kernel) neighbours(o *plan.Observation, links *linkTable, near *plan.Near, settings map[string]bool) error {
	for _, n := range near.Neighs {
		index, err := k.link(o.State, links, n.Dev)
		if err != nil {
			return err
		}
		if index == 0 {
			continue
		}
		settings[n.Dev] = true
		each := func(r routing.Route) {
			if r.Dst.Contains(n.Addr) {
				putOnce(o.State, r)
			}
		}
		f := routeFilter{family: routing.FamilyOf(n.Addr), table: routing.TableMain, protocol: routing.ProtocolKernel, oif: index}
		if err := k.dumpRoutes(f, links, each); err != nil {
			return err
		}
		if err := k.proxy(o.State, links, index, n.Addr); err != nil {
			return err
		}
	}
	return k.onLink(o, links, near.OnLink, settings)
}

// onLink adds the routes of main to some addresses, as far as the kernel would
// choose them, and where they need no next hop the proxy entries on their links.
func (k *Kernel) onLink(o *plan.Observation, links *linkTable, addrs []netip.Addr, settings map[string]bool) error {
	var reqs []*nl.NetlinkRequest
	for _, a := range addrs {
		flags := uint32(rtmFFIBMatch)
		if a.Is4() {
			flags |= unix.RTM_F_LOOKUP_TABLE
		}
		reqs = append(reqs, k.routeQuery(a, 0, flags))
	}
	answers, err := k.ask(reqs)
	if err != nil {
		return fmt.Errorf("asking for routes: %w", err)
	}
	for i, a := range answers {
		if a.route != nil && a.route.Type == unix.RTN_LOCAL {
			continue
		}
		hidden := true
		if a.route != nil {
			r := parseRoute(a.route, a.attrs, links)
			settings[r.Dev] = true
			if hidden, err = k.netOf(o.State, links, addrs[i], r); err != nil {
				return err
			}
		}
		if hidden {
			o.Facts.Hidden = append(o.Facts.Hidden, addrs[i])
		}
	}
	return nil
}

// netOf adds the route that the kernel would choose for an address, unless it
// hides what main says without us.
func (k *Kernel) netOf(s plan.State, links *linkTable, a netip.Addr, r routing.Route) (hidden bool, err error) {
	index, err := k.link(s, links, r.Dev)
	if err != nil {
		return false, err
	}
	l, _ := s[xfrmi.Link{Name: r.Dev}.Key()].(xfrmi.Link)
	if r.Table != routing.TableMain || r.Mine() || l.IsTunnel() {
		return true, nil
	}
	putOnce(s, r)
	if r.Via.IsValid() || index == 0 {
		return false, nil
	}
	return false, k.proxy(s, links, index, a)
}
