package pluto

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// unset is what the status says for most values that are not set.
const unset = "unset"

// Expect returns what the status of pluto must show for a conn, on a host with
// these addresses.
func Expect(c *conn.Conn, l conn.Locals) Record {
	ours, err := c.Orient(l)
	oriented := err == nil
	if !oriented {
		ours = conn.Left // pluto prints left first
	}
	x := expectation{c: c, locals: l, ours: ours, oriented: oriented, record: Record{}}
	x.record[valueOriented], x.record[valueAuto] = yesNo(oriented), c.Auto.String()
	x.pairs()
	x.ends()
	x.kernelValues()
	x.policy()
	x.hook()
	return x.record
}

// expectation is the work on one record.
type expectation struct {
	c        *conn.Conn
	locals   conn.Locals
	ours     conn.Side
	oriented bool
	record   Record
}

// pairs makes the lines of the pairs of selectors: of each family, each of left
// with each of right.
func (x *expectation) pairs() {
	for _, family := range [...]conn.Family{conn.IPv4, conn.IPv6} {
		for _, left := range x.selectors(conn.Left) {
			for _, right := range x.selectors(conn.Right) {
				if left.family == family && right.family == family {
					ends := [...]pairEnd{x.pairEnd(conn.Left, left), x.pairEnd(conn.Right, right)}
					x.record.add(ends[x.ours], ends[x.ours.Other()])
				}
			}
		}
	}
}

// shown is a selector as the status shows it.
type shown struct {
	text   string
	family conn.Family
}

// selectors returns those of one end. Without any it is the host.
func (x *expectation) selectors(side conn.Side) []shown {
	end := x.c.End(side)
	host, known := x.hostAddr(side)
	var list []shown
	for _, s := range end.Subnets {
		text := selectorText(s)
		if known && s == (conn.Selector{Prefix: netip.PrefixFrom(host, host.BitLen())}) {
			text = ""
		}
		list = append(list, shown{text, familyOf(s.Prefix.Addr())})
	}
	for _, r := range end.AddressPool {
		list = append(list, shown{"{" + rangeText(r) + "}", familyOf(r.From)})
	}
	if list != nil {
		return list
	}
	text := ""
	if pp := end.ProtoPort; known && pp.Protocol != 0 {
		text = selectorText(conn.Selector{Prefix: netip.PrefixFrom(host, host.BitLen()), Protocol: pp.Protocol, Port: pp.Port})
	}
	return []shown{{text, x.c.Family}}
}

// selectorText prints a selector in the manner of numberProtocol.
func selectorText(s conn.Selector) string {
	if s.Protocol == 0 {
		return s.Prefix.String()
	}
	return fmt.Sprintf("%s/%d/%d", s.Prefix, s.Protocol, s.Port)
}

// rangeText prints a range as a prefix where it is one.
func rangeText(r conn.AddrRange) string {
	for n := range r.From.BitLen() + 1 {
		if p, err := r.From.Prefix(n); err == nil && p.Addr() == r.From && lastOf(p) == r.To {
			return p.String()
		}
	}
	return r.String()
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

func familyOf(a netip.Addr) conn.Family {
	if a.Is4() {
		return conn.IPv4
	}
	return conn.IPv6
}

// hostAddr returns the address of an end, when it is known.
func (x *expectation) hostAddr(side conn.Side) (netip.Addr, bool) {
	end := x.c.End(side)
	if end.Host.Kind == conn.HostAddr {
		return end.Host.Addr, !end.Host.Addr.IsUnspecified()
	}
	a, ok := end.LocalAddr(x.locals, x.c.Family)
	return a.Addr, ok
}

// pairEnd returns one end of a pair. The next hop of the peer is not shown once
// pluto knows that it is the peer.
func (x *expectation) pairEnd(side conn.Side, s shown) pairEnd {
	e := pairEnd{host: x.hostText(side), selector: s.text, source: unset}
	if !x.oriented || side == x.ours {
		e.hop = x.hopText(side)
	}
	for _, a := range x.c.End(side).SourceIPs {
		if familyOf(a) == s.family {
			e.source = a.String()
		}
	}
	return e
}

func (x *expectation) hostText(side conn.Side) string {
	h := x.c.End(side).Host
	addr, known := x.hostAddr(side)
	switch {
	case h.Kind == conn.HostInterface && known:
		return addr.String() + "<" + h.String() + ">"
	case known:
		return addr.String()
	case h.Kind == conn.HostName:
		return "%dns<" + h.Name + ">"
	case h.Kind == conn.HostGroup || h.Kind == conn.HostOpportunistic || h.Kind == conn.HostOpportunisticGroup:
		return h.Kind.String()
	}
	return "%any"
}

// hopText returns the next hop of an end, empty when it is the other end.
func (x *expectation) hopText(side conn.Side) string {
	hop := x.c.End(side).NextHop
	switch hop.Kind {
	case conn.NextHopAddr:
		if peer, ok := x.hostAddr(side.Other()); ok && peer == hop.Addr {
			return ""
		}
		return hop.Addr.String()
	case conn.NextHopDefaultRoute:
		for _, r := range x.locals.DefaultRoutes {
			if r.Family == x.c.Family {
				return r.Gateway.String()
			}
		}
	}
	return ""
}

// ends adds what the status says about the ends beside their selectors.
func (x *expectation) ends() {
	our, their := x.c.Ends(x.ours)
	r := x.record
	if x.oriented {
		r["my_updown"] = updownText(our.Updown)
	} else {
		r["leftupdown"], r["rightupdown"] = updownText(our.Updown), updownText(their.Updown)
	}
	r["us"], r["them"] = roleText(our), roleText(their)
	r["cat"] = unset
	if our.CAT {
		r["cat"] = "set"
	}
	dns := make([]string, len(x.c.DNS))
	for i, a := range x.c.DNS {
		dns[i] = a.String()
	}
	r["dns"] = orUnset(strings.Join(dns, ", "))
	r["domains"] = orUnset(strings.Join(x.c.Domains, ","))
	if len(x.c.Aliases) > 0 {
		r[valueAliases] = strings.Join(x.c.Aliases, " ")
	}
}

func updownText(u conn.Updown) string {
	if u.Disabled() {
		return "<disabled>"
	}
	return u.Command
}

func roleText(e *conn.End) string {
	switch {
	case e.ModeCfgServer && e.ModeCfgClient:
		return "BOTH!?!"
	case e.ModeCfgServer:
		return "server"
	case e.ModeCfgClient:
		return "client"
	}
	return "none"
}

// kernelValues adds devices, marks and numbers.
func (x *expectation) kernelValues() {
	c, r := x.c, x.record
	r["interface"] = x.interfaceText()
	r["metric"] = decimal(c.Metric)
	r["mtu"] = orUnset(decimalOrNone(c.MTU))
	r["sa_prio"] = "auto"
	if c.Priority != 0 {
		r["sa_prio"] = decimal(c.Priority)
	}
	r["nflog-group"] = orUnset(decimalOrNone(uint32(c.NflogGroup)))
	r["mark"] = unset
	if c.MarkIn.Value != 0 || c.MarkOut.Value != 0 { // no mark looks like the mark 0
		r["mark"] = markText(c.MarkIn) + ", " + markText(c.MarkOut)
	}
	r["vti-iface"] = orUnset(c.VTI.Device)
	r["vti-routing"], r["vti-shared"] = yesNo(c.VTI.Routing), yesNo(c.VTI.Shared)
	r["nic-offload"] = c.NICOffload.String()
	r["encapsulation"] = c.Encapsulation.String()
	if c.NeverNegotiates() {
		r["encapsulation"] = "no"
	}
}

func (x *expectation) interfaceText() string {
	text := ""
	if i := x.c.Interface; i.IfID != 0 {
		text = i.Name
		if text != "ipsec"+decimal(i.IfID) {
			text += "[" + decimal(i.IfID) + "]"
		}
		text += "@"
	}
	if a, ok := x.c.End(x.ours).LocalAddr(x.locals, x.c.Family); ok && x.oriented {
		text += a.Dev
	}
	return text
}

func markText(m conn.Mark) string {
	mask := "00000000"
	if m.Mask != 0 {
		mask = fmt.Sprintf("0x%06x", m.Mask)
	}
	return decimal(m.Value) + "/" + mask
}

// policy adds the policies that keys of conn set.
func (x *expectation) policy() {
	c := x.c
	list := []string{map[conn.Type]string{
		conn.TypeTunnel: "TUNNEL", conn.TypeTransport: "TRANSPORT", conn.TypePassthrough: "PASS", conn.TypeDrop: "DROP",
	}[c.Type]}
	add := func(yes bool, name string) {
		if yes {
			list = append(list, name)
		}
	}
	kinds := [...]conn.HostKind{c.Left.Host.Kind, c.Right.Host.Kind}
	isAny := func(wanted ...conn.HostKind) bool {
		return slices.ContainsFunc(kinds[:], func(k conn.HostKind) bool { return slices.Contains(wanted, k) })
	}
	add(c.OverlapIP, "OVERLAPIP")
	add(c.Mobike, "MOBIKE")
	add(c.Narrowing, "IKEV2_ALLOW_NARROWING")
	add(isAny(conn.HostGroup, conn.HostOpportunisticGroup), "GROUP")
	add(isAny(conn.HostOpportunistic, conn.HostOpportunisticGroup), "OPPORTUNISTIC")
	x.record["policy"] = policyText(list)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orUnset(text string) string {
	if text == "" {
		return unset
	}
	return text
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func decimalOrNone(n uint32) string {
	if n == 0 {
		return ""
	}
	return decimal(n)
}
