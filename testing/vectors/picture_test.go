package vectors_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// picture is what the kernel of a host has, one object in a line, in order.
type picture []string

// look returns the routes and rules of a host that decide the way of packets,
// with all that the kernel tells of them but who made them. What the kernel
// makes by itself is not in it: the table local, and the routes to the nets of
// addresses on xfrm interfaces, which are there as long as these.
func look(h *hosts.Host) (p picture, err error) {
	err = h.Do(func() error {
		names, err := linkNames()
		if err != nil {
			return err
		}
		p, err = objects(names, func(r *nl.RtMsg, dev string) bool {
			return r.Table != unix.RT_TABLE_LOCAL && !(r.Protocol == unix.RTPROT_KERNEL && strings.HasPrefix(dev, "ipsec"))
		})
		return err
	})
	return p, err
}

// lookAtAll returns everything that a host has: links, addresses, and the routes
// and rules of all tables.
func lookAtAll(h *hosts.Host) (p picture, err error) {
	err = h.Do(func() error {
		names, err := linkNames()
		if err != nil {
			return err
		}
		p, err = objects(names, func(*nl.RtMsg, string) bool { return true })
		if err != nil {
			return err
		}
		for _, name := range names {
			p = append(p, "link "+name)
		}
		addrs, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
		for _, a := range addrs {
			p = append(p, fmt.Sprintf("address %s dev %s", a.IPNet, names[a.LinkIndex]))
		}
		slices.Sort(p)
		return err
	})
	return p, err
}

// linkNames returns the names of the links of the calling thread's network
// namespace, by index.
func linkNames() (map[int]string, error) {
	links, err := netlink.LinkList()
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	return names, err
}

// objects returns the routes that are wanted, and all rules.
func objects(links map[int]string, wanted func(r *nl.RtMsg, dev string) bool) (picture, error) {
	var p picture
	for _, kind := range []struct {
		name     string
		get, new uint16
		fields   map[uint16]field
	}{{"route", unix.RTM_GETROUTE, unix.RTM_NEWROUTE, routeFields(links)}, {"rule", unix.RTM_GETRULE, unix.RTM_NEWRULE, ruleFields}} {
		req := nl.NewNetlinkRequest(int(kind.get), unix.NLM_F_DUMP)
		req.AddData(&nl.RtMsg{})
		messages, err := req.Execute(unix.NETLINK_ROUTE, kind.new)
		if err != nil {
			return nil, fmt.Errorf("reading each %s: %w", kind.name, err)
		}
		for _, m := range messages {
			r := nl.DeserializeRtMsg(m)
			attrs, err := nl.ParseRouteAttr(m[unix.SizeofRtMsg:])
			if err != nil {
				return nil, fmt.Errorf("reading a %s: %w", kind.name, err)
			}
			dev := ""
			words := []string{fmt.Sprintf("%s%s type %d", kind.name, map[uint8]string{unix.AF_INET: "4", unix.AF_INET6: "6"}[r.Family], r.Type)}
			for _, number := range []struct {
				name  string
				value uint32
			}{{"scope", uint32(r.Scope)}, {"tos", uint32(r.Tos)}, {"flags", r.Flags}} {
				if number.value != 0 {
					words = append(words, fmt.Sprintf("%s %d", number.name, number.value))
				}
			}
			for _, a := range attrs {
				f, known := kind.fields[a.Attr.Type]
				switch {
				case !known:
					words = append(words, fmt.Sprintf("attribute-%d %x", a.Attr.Type, a.Value))
				case f.text != nil:
					words = append(words, f.name+" "+f.text(r, a.Value))
				}
				if f.name == "dev" {
					dev = f.text(r, a.Value)
				}
			}
			if kind.name == "rule" || wanted(r, dev) {
				p = append(p, strings.Join(words, " "))
			}
		}
	}
	slices.Sort(p)
	return p, nil
}

// field is how an attribute is shown; without text it is not.
type field struct {
	name string
	text func(r *nl.RtMsg, value []byte) string
}

func asNumber(_ *nl.RtMsg, v []byte) string { return fmt.Sprint(int32(binary.NativeEndian.Uint32(v))) }
func asHex(_ *nl.RtMsg, v []byte) string    { return fmt.Sprintf("%#x", binary.NativeEndian.Uint32(v)) }
func asName(_ *nl.RtMsg, v []byte) string   { return unix.ByteSliceToString(v) }

func asAddress(_ *nl.RtMsg, v []byte) string {
	a, _ := netip.AddrFromSlice(v)
	return a.String()
}

func asNet(length func(*nl.RtMsg) uint8) func(*nl.RtMsg, []byte) string {
	return func(r *nl.RtMsg, v []byte) string { return fmt.Sprintf("%s/%d", asAddress(r, v), length(r)) }
}

func routeFields(links map[int]string) map[uint16]field {
	return map[uint16]field{
		unix.RTA_DST:     {"to", asNet(func(r *nl.RtMsg) uint8 { return r.Dst_len })},
		unix.RTA_OIF:     {"dev", func(_ *nl.RtMsg, v []byte) string { return links[int(binary.NativeEndian.Uint32(v))] }},
		unix.RTA_GATEWAY: {"via", asAddress}, unix.RTA_PREFSRC: {"src", asAddress},
		unix.RTA_PRIORITY: {"metric", asNumber}, unix.RTA_TABLE: {"table", asNumber},
		unix.RTA_METRICS:   {"metrics", asMetrics},
		unix.RTA_CACHEINFO: {}, // changes with time
	}
}

// asMetrics shows what is nested in an attribute of a route: its MTU, and others
// by their numbers.
func asMetrics(_ *nl.RtMsg, v []byte) string {
	attrs, err := nl.ParseRouteAttr(v)
	if err != nil {
		return err.Error()
	}
	var words []string
	for _, a := range attrs {
		name := fmt.Sprintf("attribute-%d", a.Attr.Type)
		if a.Attr.Type == unix.RTAX_MTU {
			name = "mtu"
		}
		words = append(words, name+" "+hexOrNumber(a.Value))
	}
	return strings.Join(words, " ")
}

func hexOrNumber(v []byte) string {
	if len(v) == 4 {
		return asNumber(nil, v)
	}
	return fmt.Sprintf("%x", v)
}

var ruleFields = map[uint16]field{
	nl.FRA_DST: {"to", asNet(func(r *nl.RtMsg) uint8 { return r.Dst_len })},
	nl.FRA_SRC: {"from", asNet(func(r *nl.RtMsg) uint8 { return r.Src_len })}, nl.FRA_IIFNAME: {"iif", asName},
	nl.FRA_PRIORITY: {"priority", asNumber}, nl.FRA_TABLE: {"lookup", asNumber},
	nl.FRA_FWMARK: {"fwmark", asHex}, nl.FRA_FWMASK: {"mask", asHex},
	nl.FRA_SUPPRESS_PREFIXLEN: {"suppress", asNumber},
	nl.FRA_PROTOCOL:           {}, // who made it
}

// less returns the objects of p that are not in q.
func (p picture) less(q picture) (missing []string) {
	for _, object := range p {
		if _, found := slices.BinarySearch(q, object); !found {
			missing = append(missing, object)
		}
	}
	return missing
}
