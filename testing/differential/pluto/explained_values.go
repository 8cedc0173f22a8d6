package pluto

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// The rewrites of this file concern values that are not hosts.

// numbers are the keys that 5.2 reads as decimal numbers.
var numbers = []string{"metric", "mtu", "priority", "reqid", "nflog-group"}

func rewriteWrongWord(p *prediction) bool {
	i := p.wrong(conn.CodeInvalidValue, "auto", "encapsulation", "hostaddrfamily", "mobike", "narrowing", "nic-offload", "nm-configured",
		"overlapip", "phase2", "type", "vti-routing", "vti-shared")
	if i >= 0 {
		p.drop(i)
	}
	return i >= 0
}

func rewriteDecimal(p *prediction) bool {
	if p.neverNegotiates() { // conn does not look at these keys
		return false
	}
	for i, k := range p.keys {
		if !slices.Contains(numbers, k.name) {
			continue
		}
		n, err := strconv.ParseUint(k.value, 10, 64)
		switch {
		case err != nil:
			p.drop(i)
			return true
		case k.name != "mtu" && k.value != strconv.FormatUint(n, 10): // a size has no octal anyway
			p.keys[i].value = strconv.FormatUint(n, 10)
			return true
		}
	}
	return false
}

func rewriteLargeMTU(p *prediction) bool {
	i := p.index("mtu")
	if i < 0 {
		return false
	}
	n, err := strconv.ParseUint(p.keys[i].value, 10, 64)
	if err != nil || n <= math.MaxUint16 {
		return false
	}
	p.keys[i].value = strconv.FormatUint(n&math.MaxUint16, 10)
	return true
}

func rewriteNumberRange(p *prediction) bool {
	i := p.wrong(conn.CodeInvalidValue, "metric", "reqid", "nflog-group")
	if i < 0 {
		return false
	}
	if _, err := strconv.ParseUint(p.keys[i].value, 10, 64); err != nil {
		return false
	}
	p.drop(i)
	return true
}

// rewriteWrongMark leaves wrong marks out and sets what 5.2 made of them.
func rewriteWrongMark(p *prediction) bool {
	binary := strings.Contains(p.value("mark"), "0b")
	if p.wrong(conn.CodeInvalidValue, "mark", "mark-in", "mark-out") < 0 && !binary {
		return false
	}
	for _, name := range [...]string{"mark", "mark-in", "mark-out"} {
		i := p.index(name)
		if i < 0 {
			continue
		}
		mark := oldMark(p.keys[i].value)
		p.drop(i)
		p.alter = append(p.alter, func(c *conn.Conn) {
			if name != "mark-out" {
				c.MarkIn = mark
			}
			if name != "mark-in" {
				c.MarkOut = mark
			}
		})
	}
	return true
}

// oldMark returns what 5.2 makes of a mark: it reads numbers as strtoul(3) does,
// keeps all ones where that fails, and does not compare value and mask.
func oldMark(s string) conn.Mark {
	m := conn.Mark{Value: math.MaxUint32, Mask: math.MaxUint32, Set: true}
	text, mask, masked := strings.Cut(s, "/")
	v, ok := oldNumber(text)
	if ok {
		m.Value = v
		if v, ok := oldNumber(mask); ok && masked {
			m.Mask = v
		}
	}
	return m
}

func oldNumber(s string) (uint32, bool) {
	switch s {
	case "":
		return 0, true
	case "-1":
		return math.MaxUint32, true
	}
	if strings.ContainsAny(s, "bB") && !strings.HasPrefix(s, "0x") { // no binary numbers
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 0, 32)
	return uint32(n), err == nil
}

// neverNegotiates tells it by type=.
func (p *prediction) neverNegotiates() bool {
	return slices.Contains([]string{"pass", "passthrough", "drop"}, p.value("type"))
}

// heeded are the keys that only 5.2 heeds in a conn that never negotiates.
var heeded = map[string]func(c *conn.Conn, value string){
	"nflog-group":        func(c *conn.Conn, value string) { c.NflogGroup = uint16(number(value)) },
	"priority":           func(c *conn.Conn, value string) { c.Priority = number(value) },
	"leftcat":            func(c *conn.Conn, value string) { c.Left.CAT = value == "yes" },
	"leftmodecfgclient":  func(c *conn.Conn, value string) { c.Left.ModeCfgClient = value == "yes" },
	"leftmodecfgserver":  func(c *conn.Conn, value string) { c.Left.ModeCfgServer = value == "yes" },
	"rightmodecfgserver": func(c *conn.Conn, value string) { c.Right.ModeCfgServer = value == "yes" },
}

// number reads a decimal number, which is 0 when it is none.
func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func rewriteNeverNegotiates(p *prediction) bool {
	if !p.neverNegotiates() {
		return false
	}
	if p.value("leftmodecfgserver") == "yes" && p.value("rightmodecfgserver") == "yes" {
		p.refused = true
	}
	for i, k := range p.keys {
		if set := heeded[k.name]; set != nil {
			p.drop(i)
			p.alter = append(p.alter, func(c *conn.Conn) { set(c, k.value) })
			return true
		}
	}
	return false
}

func rewriteReject(p *prediction) bool {
	i := p.index("type")
	if i < 0 || p.keys[i].value != "reject" {
		return false
	}
	p.keys[i].value = "drop"
	p.adjust = append(p.adjust, func(r Record) { r["policy"] = strings.Replace(r["policy"], "DROP", "REJECT", 1) })
	return true
}

func rewriteNarrowingByIKEv1(p *prediction) bool {
	i := p.index("narrowing")
	if i < 0 || p.value("keyexchange") != "ikev1" {
		return false
	}
	if p.keys[i].value == "no" {
		p.refused = true
	} else {
		p.adjust = append(p.adjust, func(r Record) { r["policy"] = policyText([]string{r["policy"], "IKEV2_ALLOW_NARROWING"}) })
	}
	p.drop(i)
	return true
}

func rewriteProtocolBeginning(p *prediction) bool {
	for _, side := range [...]string{"left", "right"} {
		i := p.wrong(conn.CodeInvalidValue, side+"protoport")
		if i < 0 {
			continue
		}
		for _, name := range [...]string{"icmp", "udp"} {
			if strings.HasPrefix(p.keys[i].value, name) {
				p.keys[i].value = name
				return true
			}
		}
	}
	return false
}

func rewriteVTIName(p *prediction) bool {
	i := p.wrong(conn.CodeInvalidValue, "vti-interface")
	if i < 0 {
		return false
	}
	name := p.keys[i].value
	p.keys[i].value = "vti"
	p.adjust = append(p.adjust, func(r Record) { r["vti-iface"] = name })
	return true
}

func rewriteVTIOptions(p *prediction) bool {
	if p.value("vti-interface") != "" {
		return false
	}
	for _, key := range [...]string{"vti-routing", "vti-shared"} {
		if i := p.index(key); i >= 0 && p.keys[i].value == "yes" {
			p.drop(i)
			p.adjust = append(p.adjust, func(r Record) { r[key] = "yes" })
			return true
		}
	}
	return false
}

// rewriteOffloadDevice is for the lab, none of whose devices can offload.
func rewriteOffloadDevice(p *prediction) bool {
	if len(p.conns) == 0 || p.conns[0].NICOffload == conn.OffloadNo || len(p.locals.Addrs) == 0 {
		return false
	}
	p.locals = conn.Locals{}
	return true
}

func rewriteSourceWithoutSubnet(p *prediction) bool {
	for _, side := range [...]string{"left", "right"} {
		if p.wrong(conn.CodeRequired, side+"sourceip") >= 0 && p.value(side) == "%defaultroute" {
			p.resolveDefaultRoute(side)
			return true
		}
	}
	return false
}

func rewriteSeveralAddresses(p *prediction) bool {
	if p.refused || !slices.ContainsFunc(p.problems, func(d conn.Diagnostic) bool { return d.Code == conn.CodeRefusedValue }) {
		return false
	}
	p.refused = true
	return true
}
