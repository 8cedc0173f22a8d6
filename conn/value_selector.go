package conn

import (
	"math/bits"
	"net/netip"
	"strings"
)

// String returns ADDRESS/LENGTH, with /PROTOCOL and /PORT when they are given:
// the syntax of leftsubnet=.
func (s Selector) String() string {
	text := s.Prefix.String()
	if s.Protocol != 0 || s.Port != 0 {
		text += "/" + protocolName(s.Protocol, inSelector)
	}
	if s.Port != 0 {
		text += "/" + decimal(uint64(s.Port))
	}
	return text
}

// parseSelector reads ADDRESS[/LENGTH[/PROTOCOL[/PORT]]]. A colon may stand
// before the protocol. The address without host bits is returned; hostBits
// tells that there were some.
func parseSelector(s string) (sel Selector, hostBits bool, p *problem) {
	text, rest, _ := strings.Cut(s, "/")
	a, _, ok := parseAddr(text)
	if !ok {
		return Selector{}, false, &problem{text: quote(text) + " is not an address"}
	}
	length, proto := rest, ""
	if i := strings.IndexAny(rest, "/:"); i >= 0 {
		length, proto = rest[:i], rest[i+1:]
	}
	n := uint64(a.BitLen())
	if length != "" {
		if n, p = parsePrefixLen(length, a); p != nil {
			p.at = len(text) + 1
			return Selector{}, false, p
		}
	}
	if p = sel.setProtocol(proto, len(s)-len(proto)); p != nil {
		return Selector{}, false, p
	}
	full := netip.PrefixFrom(a, int(n))
	sel.Prefix = full.Masked()
	return sel, full != sel.Prefix, nil
}

// setProtocol reads PROTOCOL[/PORT], the end of a selector from index at on.
func (s *Selector) setProtocol(text string, at int) (p *problem) {
	proto, port, _ := strings.Cut(text, "/")
	if proto != "" {
		if s.Protocol, p = parseProtocol(proto, inSelector); p != nil {
			p.at = at
			return p
		}
	}
	if port == "" {
		return nil
	}
	v, p := parseRange(port, 0, 65535)
	if p == nil && v != 0 && s.Protocol == 0 {
		p = &problem{text: "a port needs a protocol"}
	}
	if p != nil {
		p.at = at + len(proto) + 1
	}
	s.Port = uint16(v)
	return p
}

// parseSubnet reads an element of leftsubnets=: ADDRESS/LENGTH, or for IPv4
// ADDRESS/MASK.
func parseSubnet(s string) (sel Selector, hostBits bool, p *problem) {
	text, mask, _ := strings.Cut(s, "/")
	if strings.Count(mask, ".") == 3 {
		if n, ok := maskLen(mask); ok {
			return parseSelector(text + "/" + decimal(uint64(n)))
		}
	}
	sel, hostBits, p = parseSelector(s)
	if p == nil && (sel.Protocol != 0 || sel.Port != 0) {
		return Selector{}, false, &problem{text: quote(s) + " must be a subnet without protocol and port"}
	}
	return sel, hostBits, p
}

// maskLen returns the length of a mask such as 255.255.255.0.
func maskLen(mask string) (int, bool) {
	a, err := netip.ParseAddr(mask)
	if err != nil || !a.Is4() {
		return 0, false
	}
	b := a.As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n := bits.LeadingZeros32(^v)
	return n, v<<n == 0
}

// parsePoolPrefix reads ADDRESS[/LENGTH]. libreswan clears bits that are set
// behind the length without a word.
func parsePoolPrefix(s string) (AddrRange, *problem) {
	text, length, slash := strings.Cut(s, "/")
	a, _, ok := parseAddr(text)
	if !ok {
		return AddrRange{}, &problem{text: quote(text) + " is not an address"}
	}
	n := uint64(a.BitLen())
	if slash {
		var p *problem
		if n, p = parsePrefixLen(length, a); p != nil {
			p.at = len(text) + 1
			return AddrRange{}, p
		}
	}
	full := netip.PrefixFrom(a, int(n)).Masked()
	return AddrRange{From: full.Addr(), To: lastAddr(full)}, nil
}

// parseRangeOf reads an element of leftaddresspool=: FROM-TO or a prefix.
func parseRangeOf(s string) (AddrRange, *problem) {
	from, to, dash := strings.Cut(s, "-")
	if !dash {
		return parsePoolPrefix(s)
	}
	a, _, okA := parseAddr(from)
	b, _, okB := parseAddr(to)
	switch {
	case !okA || !okB:
		return AddrRange{}, &problem{text: quote(s) + " is not a range FROM-TO of addresses"}
	case a.Is4() != b.Is4():
		return AddrRange{}, &problem{text: "the range " + quote(s) + " mixes IPv4 and IPv6"}
	case b.Less(a):
		return AddrRange{}, &problem{text: "the range " + quote(s) + " ends before it begins"}
	case a.Is6() && !isPrefix(a, b):
		return AddrRange{}, &problem{text: "an IPv6 range must be a prefix", hint: "write ADDRESS/LENGTH"}
	}
	return AddrRange{From: a, To: b}, nil
}

// lastAddr returns the highest address of a prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		keep := min(max(p.Bits()-8*i, 0), 8)
		b[i] |= 0xff >> keep
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// isPrefix tells whether a range is exactly the addresses of one prefix.
func isPrefix(from, to netip.Addr) bool {
	for n := 0; n <= from.BitLen(); n++ {
		p, _ := from.Prefix(n)
		if p.Addr() == from && lastAddr(p) == to {
			return true
		}
	}
	return false
}

// parsePools reads a list of ranges, at most one of each family.
func parsePools(s string) ([]AddrRange, *problem) {
	fields, p := splitStrict(s)
	if p != nil {
		return nil, p
	}
	var pools []AddrRange
	for _, f := range fields {
		r, p := parseRangeOf(f.text)
		if p != nil {
			p.at += f.at
			return nil, p
		}
		if r.From.IsUnspecified() {
			return nil, &problem{at: f.at, text: "the pool " + quote(f.text) + " begins with the address zero"}
		}
		for _, other := range pools {
			if familyOf(other.From) == familyOf(r.From) {
				return nil, &problem{at: f.at, text: "only one range of each family is allowed"}
			}
		}
		pools = append(pools, r)
	}
	return pools, nil
}
