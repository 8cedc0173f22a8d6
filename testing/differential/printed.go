package differential

import (
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// This file is the one place that knows how readwriteconf 5.2 prints what it
// has read:
//
//   - numbers, words and switches are printed as they were stored;
//   - a word (mobike=, auto=, type=) is printed empty and without newline; some
//     words, and most strings of an end, are not printed at all;
//   - keys that share a value are all printed (ipsec-lifetime and salifetime);
//   - auto= is printed once more at the end, with its default;
//   - left=, nexthop=, vti= and protoport= come first, addresses in their usual
//     form; left=%defaultroute makes a nexthop;
//   - a conn that never negotiates, or has phase2=, gets a block of policy keys;
//   - a conn that failed prints what was set until then, but its left=, its
//     nexthop=, vti= and its policy are those of conn %default.

// section is one conn as 5.2 stores it: field name with its side -> raw value.
type section struct {
	name   string
	values map[string]string
	failed bool // the sections could not be merged
}

// printer prints sections as readwriteconf does.
type printer struct {
	out strings.Builder
}

// setup prints config setup.
func (p *printer) setup(values map[string]string) {
	p.out.WriteString("config setup\n")
	p.keys(values, "", inSetup)
	p.out.WriteByte('\n')
}

// conn prints one conn.
func (p *printer) conn(s section, before inherited) {
	fmt.Fprintf(&p.out, "conn %s\n", s.name)
	state, ends := before.state, before.ends
	failed := s.failed
	if !failed {
		state = derive(state, s.values)
		failed = state.authbyWrong
	}
	if !failed {
		ends = validateEnds(ends, s.values)
	}
	for i, side := range []string{"left", "right"} {
		p.end(side, ends[i], s.values)
		p.keys(s.values, side, inConn|sided)
	}
	p.keys(s.values, "", inConn)
	p.tail(s.values, state)
}

func (p *printer) line(key, value string) { fmt.Fprintf(&p.out, "\t%s=%s\n", key, value) }

// keys prints the keys of one kind of place: numbers first, then strings.
func (p *printer) keys(values map[string]string, side string, place keyFlags) {
	for i := range keys {
		k := &keys[i]
		value, ok := values[side+k.fieldName()]
		if !ok || k.flags != place {
			continue
		}
		switch stored, _ := k.stored(value); {
		case k.kind == word:
			fmt.Fprintf(&p.out, "\t%s%s=", side, k.name)
		case k.isNumber():
			p.line(side+k.name, stored)
		}
	}
	for i := range keys {
		k := &keys[i]
		value, ok := values[side+k.fieldName()]
		if !ok || k.flags != place {
			continue
		}
		switch {
		case k.kind == list:
			p.line(side+k.name, "{"+value+"}")
		case k.kind == text && strings.Contains(value, " "):
			p.line(side+k.name, `"`+value+`"`)
		case k.kind == text:
			p.line(side+k.name, value)
		}
	}
}

// end is what validating one end of a conn finds out.
type end struct {
	host, nextHop, vti string // as printed, empty for nothing
	hasHost            bool
	faulty             bool // nexthop= or vti= is no address
	raw                bool // host is a device or a name, which is printed as the conn has it
}

// end prints the keys of one end that have a place of their own.
func (p *printer) end(side string, e end, values map[string]string) {
	if e.hasHost {
		if own, ok := values[side]; ok && e.raw && hostWords[strings.ToLower(own)] == "" {
			e.host = own
		}
		p.line(side, e.host)
	}
	if e.nextHop != "" {
		p.line(side+"nexthop", e.nextHop)
	}
	if e.vti != "" {
		p.line(side+"vti", e.vti)
	}
	if v, ok := values[side+"protoport"]; ok {
		p.line(side+"protoport", v)
	}
}

// unset is how 5.2 prints an address that could not be read.
const unset = "<unset-address>"

// validateEnds validates both ends; before holds what conn %default had.
func validateEnds(before [2]end, values map[string]string) [2]end {
	family := outerFamily(values)
	for i, side := range []string{"left", "right"} {
		e := &before[i]
		e.host, e.hasHost = hostText(values, side, family)
		e.raw = e.hasHost && hostWords[strings.ToLower(values[side])] == "" && e.host == values[side] && addressText(e.host, family, "") == ""
		next, ok := values[side+"nexthop"]
		switch {
		case ok && strings.EqualFold(next, "%defaultroute"), !ok && e.host == "%defaultroute":
			e.nextHop = "%defaultroute"
		case ok:
			e.nextHop = addressText(next, family, unset)
			e.faulty = e.nextHop == unset
		case e.nextHop != "" && e.nextHop != "%defaultroute":
			e.nextHop = map[conn.Family]string{conn.IPv4: "0.0.0.0", conn.IPv6: "::"}[family]
		}
		if v, ok := values[side+"vti"]; ok {
			e.vti = prefixText(v)
			e.faulty = e.faulty || e.vti == ""
		}
	}
	return before
}

// outerFamily returns the family for which 5.2 reads addresses.
func outerFamily(values map[string]string) conn.Family {
	switch v, _ := meaningOf(familyWords, values["hostaddrfamily"]); v {
	case "ipv4":
		return conn.IPv4
	case "ipv6":
		return conn.IPv6
	}
	for _, name := range []string{"left", "leftnexthop", "right", "rightnexthop"} {
		if v := values[name]; strings.Contains(v, ":") || v == "%defaultroute6" || v == "%any6" {
			return conn.IPv6
		}
	}
	return conn.IPv4
}

// hostWords are the words for left= and right=, and how they are printed.
var hostWords = map[string]string{"%defaultroute": "%defaultroute", "%any": "%any", "%": "(null)", "%hostname": "(null)", "%oppo": "%opportunistic",
	"%opportunistic": "%opportunistic", "%oppogroup": "%opportunisticgroup", "%opportunisticgroup": "%opportunisticgroup", "%group": "%group"}

// hostText returns left= or right= as 5.2 prints it.
func hostText(values map[string]string, side string, family conn.Family) (string, bool) {
	v, ok := values[side]
	if !ok {
		return "", false
	}
	if text, ok := hostWords[strings.ToLower(v)]; ok {
		return text, true
	}
	return addressText(v, family, v), true
}

// addressText returns an address of the family in its usual form, otherwise
// for what is no such address. What is an address is conn's judgement.
func addressText(v string, family conn.Family, otherwise string) string {
	if strings.ContainsAny(v, " \t\r\"{}#=") {
		return otherwise
	}
	files := Files{mainFile: "conn x\n\tright=%any\n\tleft=" + v + "\n"}
	f, _ := conn.Load(files, mainFile)
	found, _ := f.Lookup("x")
	if len(found) == 1 && found[0].Left.Host.Kind == conn.HostAddr && found[0].Family == family {
		return found[0].Left.Host.Addr.String()
	}
	return otherwise
}

func prefixText(v string) string {
	address, length, slash := strings.Cut(v, "/")
	for family, bits := range map[conn.Family]string{conn.IPv4: "32", conn.IPv6: "128"} {
		if text := addressText(address, family, ""); text != "" {
			if !slash {
				length = bits
			}
			most, _ := decimal(bits)
			if n, ok := decimal(length); !ok || n > most {
				return ""
			}
			return text + "/" + length
		}
	}
	return ""
}
