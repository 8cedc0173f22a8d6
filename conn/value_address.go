package conn

import (
	"net/netip"
	"slices"
	"strings"
)

// parseAddr reads a numeric address. Like libreswan it takes IPv4 fields in
// hexadecimal and octal and lets the last field fill the rest: 10.1 is
// 10.0.0.1, 010.0.0.1 is 8.0.0.1, 0x0a000001 is 10.0.0.1. Odd tells that the
// text is of that kind.
func parseAddr(s string) (addr netip.Addr, odd, ok bool) {
	if strings.Contains(s, ":") {
		a, err := netip.ParseAddr(s)
		return a, false, err == nil && a.Is6() && !strings.ContainsAny(s, "%.")
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return a, false, true
	}
	if len(s) == len("0x12345678") && (s[1] == 'x' || s[1] == 'X') {
		if v, p := parseNumber(s); p == nil {
			return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true, true
		}
	}
	a, ok := parseDotted(s)
	return a, true, ok
}

// parseDotted reads up to four fields with dots between them.
func parseDotted(s string) (netip.Addr, bool) {
	var b [4]byte
	fields := strings.Split(s, ".")
	if len(fields) > 4 {
		return netip.Addr{}, false
	}
	for i, field := range fields {
		v, p := parseNumber(field)
		if p != nil {
			return netip.Addr{}, false
		}
		if i > 0 && i == len(fields)-1 {
			for j := 3; j >= i; j-- {
				b[j] = byte(v)
				v >>= 8
			}
			if v != 0 {
				return netip.Addr{}, false
			}
			break
		}
		if v > 255 {
			return netip.Addr{}, false
		}
		b[i] = byte(v)
	}
	return netip.AddrFrom4(b), true
}

// familyOf returns the family of an address.
func familyOf(a netip.Addr) Family {
	switch {
	case a.Is4():
		return IPv4
	case a.Is6():
		return IPv6
	}
	return FamilyUnset
}

// parseHost reads the value of left= and right=.
func parseHost(s string) (Host, *problem) {
	if s == "" {
		return Host{}, &problem{text: "the value is empty"}
	}
	if s[0] == '%' {
		return parseHostWord(s)
	}
	if a, _, ok := parseAddr(s); ok {
		return Host{Kind: HostAddr, Addr: a, Family: familyOf(a)}, nil
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	switch {
	case strings.ContainsAny(s, ":/ \t,"):
		return Host{}, &problem{text: quote(s) + " is neither an address nor a host name"}
	case strings.Trim(last, "0123456789") == "": // no top-level domain is a number
		return Host{}, &problem{text: quote(s) + " is not an address"}
	}
	return Host{Kind: HostName, Name: s}, nil
}

var hostWords = []struct {
	text string
	kind HostKind
}{
	{"%any", HostAny},
	{"%defaultroute", HostDefaultRoute},
	{"%group", HostGroup},
	{"%oppo", HostOpportunistic},
	{"%opportunistic", HostOpportunistic},
	{"%oppogroup", HostOpportunisticGroup},
	{"%opportunisticgroup", HostOpportunisticGroup},
}

// parseHostWord reads a value that begins with %: a word, perhaps with 4 or 6
// for the family behind it, else the name of a device.
func parseHostWord(s string) (Host, *problem) {
	base, family := cutFamily(s)
	for _, w := range hostWords {
		if equalFold(w.text, base) {
			return Host{Kind: w.kind, Family: family}, nil
		}
	}
	name := s[1:]
	switch {
	case name == "":
		return Host{}, &problem{text: "a device name is missing after %"}
	case len(name) > maxDeviceName || strings.ContainsAny(name, "/: \t") || name == "." || name == "..":
		return Host{}, &problem{at: 1, text: quote(name) + " is not a device name"}
	}
	return Host{Kind: HostInterface, Name: name, Family: family}, nil
}

// cutFamily splits a word that begins with % from a 4 or 6 at its end.
func cutFamily(s string) (base string, family Family) {
	switch s[len(s)-1] {
	case '4':
		return s[:len(s)-1], IPv4
	case '6':
		return s[:len(s)-1], IPv6
	}
	return s, FamilyUnset
}

// maxDeviceName is IFNAMSIZ of linux/if.h without the ending zero.
const maxDeviceName = 15

// misreadDevice tells how libreswan misreads a device name: it takes the first
// 4 or 6 of the name for an address family.
func misreadDevice(name string) string {
	i := strings.IndexAny(name, "46")
	switch {
	case i < 0:
		return ""
	case i == len(name)-1:
		return "libreswan takes the " + name[i:] + " at the end of " + quote(name) + " for IPv" + name[i:] + " only"
	}
	return "libreswan 5 refuses the device name " + quote(name) + " because of the " + name[i:i+1] + " in it"
}

// parseNextHop reads the value of leftnexthop= and what it tells of the family.
func parseNextHop(s string) (NextHop, Family, *problem) {
	if strings.HasPrefix(s, "%") {
		base, family := cutFamily(s)
		switch {
		case equalFold("%direct", base):
			return NextHop{Kind: NextHopDirect}, family, nil
		case equalFold("%defaultroute", base):
			return NextHop{Kind: NextHopDefaultRoute}, family, nil
		}
	} else if a, _, ok := parseAddr(s); ok {
		return NextHop{Kind: NextHopAddr, Addr: a}, familyOf(a), nil
	}
	return NextHop{}, FamilyUnset, &problem{text: quote(s) + " is not an address, %direct or %defaultroute"}
}

// field is one element of a list and its place in the value.
type field struct {
	text string
	at   int
}

// splitList splits a list at commas and blanks. As in libreswan there may be any
// number of them between two elements, and before and behind them.
func splitList(s string) []field {
	var list []field
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && !isListBreak(s[i]) {
			i++
		}
		if i > start {
			list = append(list, field{s[start:i], start})
		}
		i++
	}
	return list
}

// splitStrict splits a list of selectors or pools. libreswan refuses one with
// more than a single comma or blank between two elements.
func splitStrict(s string) ([]field, *problem) {
	var list []field
	for start := 0; start <= len(s); {
		i := start
		for i < len(s) && !isListBreak(s[i]) {
			i++
		}
		if i == start {
			return nil, emptyElement(s, i)
		}
		list = append(list, field{s[start:i], start})
		start = i + 1
	}
	return list, nil
}

func isListBreak(c byte) bool { return c == ',' || isBlank(c) }

func emptyElement(s string, at int) *problem {
	p := &problem{at: at, text: "an element of the list " + quote(s) + " is empty", hint: "write one comma or one blank between two elements"}
	switch {
	case s == "":
		p.text, p.hint = "the value is empty", "leave the key out"
	case at == len(s):
		p.text, p.hint = "the list "+quote(s)+" ends with a "+breakName(s[at-1]), "remove it"
	}
	return p
}

func breakName(c byte) string {
	if c == ',' {
		return "comma"
	}
	return "blank"
}

// parseAddrs reads a list of numeric addresses.
func parseAddrs(s string) ([]netip.Addr, *problem) {
	fields := splitList(s)
	addrs := make([]netip.Addr, 0, len(fields))
	for _, f := range fields {
		a, _, ok := parseAddr(f.text)
		if !ok {
			return nil, &problem{at: f.at, text: quote(f.text) + " is not an address"}
		}
		addrs = append(addrs, a)
	}
	return addrs, nil
}

// parseSourceIPs reads the value of leftsourceip=.
func parseSourceIPs(s string) ([]netip.Addr, *problem) {
	addrs, p := parseAddrs(s)
	if p != nil {
		p.hint = nameHint(s)
		return nil, p
	}
	for i, a := range addrs {
		if a.IsUnspecified() {
			return nil, &problem{text: quote(a.String()) + " is not the address of a host"}
		}
		if slices.Contains(addrs[:i], a) {
			return nil, &problem{text: a.String() + " is there twice"}
		}
	}
	return addrs, nil
}

// nameHint returns a hint for a value that is the name of a host.
func nameHint(s string) string {
	if h, p := parseHost(s); p == nil && h.Kind == HostName {
		return "libreswan 4.10 looks a name up, libreswan 5 does not"
	}
	return ""
}

// parseInterfaceAddrs reads the value of leftinterface-ip=: a list of
// ADDRESS/LENGTH.
func parseInterfaceAddrs(s string) ([]netip.Prefix, *problem) {
	fields, p := splitStrict(s)
	if p != nil {
		return nil, p
	}
	addrs := make([]netip.Prefix, 0, len(fields))
	for _, f := range fields {
		a, p := parseInterfaceAddr(f.text)
		if p == nil && slices.ContainsFunc(addrs, func(b netip.Prefix) bool { return a.Addr() == b.Addr() }) {
			p = &problem{text: a.Addr().String() + " is there twice"}
		}
		if p != nil {
			p.at += f.at
			return nil, p
		}
		addrs = append(addrs, a)
	}
	return addrs, nil
}

// parseInterfaceAddr reads ADDRESS/LENGTH and keeps the host bits. Without a
// length it is a single address.
func parseInterfaceAddr(s string) (netip.Prefix, *problem) {
	text, length, slash := strings.Cut(s, "/")
	if i := strings.IndexAny(s, ", \t"); i >= 0 {
		return netip.Prefix{}, &problem{at: i, text: "only one address is allowed"}
	}
	a, _, ok := parseAddr(text)
	if !ok {
		return netip.Prefix{}, &problem{text: quote(text) + " is not an address"}
	}
	n := uint64(a.BitLen())
	if slash {
		var p *problem
		if n, p = parsePrefixLen(length, a); p != nil {
			p.at = len(text) + 1
			return netip.Prefix{}, p
		}
	}
	if a.IsUnspecified() {
		return netip.Prefix{}, &problem{text: quote(s) + " is not the address of a host"}
	}
	return netip.PrefixFrom(a, int(n)), nil
}

// parsePrefixLen reads the length of a prefix for an address of that family.
func parsePrefixLen(s string, a netip.Addr) (uint64, *problem) {
	n, p := parseNumber(s)
	switch {
	case p != nil && a.Is4() && isIPv4(s):
		p.hint = "write the length of the mask, such as /24"
	case p == nil && n > uint64(a.BitLen()):
		p = &problem{text: "the prefix length " + quote(s) + " is larger than " + maxLen(a)}
	}
	return n, p
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

func maxLen(a netip.Addr) string {
	if a.Is4() {
		return "32"
	}
	return "128"
}
