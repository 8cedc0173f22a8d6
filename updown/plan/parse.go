package plan

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// ParseOp reads what Op.String prints: the subset of ip(8), sysctl(8) and nft(8) that
// operations are written in.
func ParseOp(line string) (Op, error) {
	line = strings.TrimSpace(line)
	netns, command := parseNetns(line)
	p := parser{words: strings.Fields(command)}
	op := p.op()
	if p.err == nil && len(p.words) > 0 {
		p.fail("unexpected %q", p.words[0])
	}
	if p.err != nil {
		return Op{}, fmt.Errorf("operation %q: %w", line, p.err)
	}
	return intoNetns(op, netns, line)
}

// parser consumes words; after the first error every method returns zero
// values.
type parser struct {
	words []string
	err   error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.words = nil
}

// next returns the next word.
func (p *parser) next(what string) string {
	if len(p.words) == 0 {
		p.fail("%s is missing", what)
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

// skip consumes the next word if it is w.
func (p *parser) skip(w string) bool {
	if len(p.words) == 0 || p.words[0] != w {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *parser) number(what string) uint32 {
	w := p.next(what)
	n, err := strconv.ParseUint(w, 0, 32)
	if err != nil && p.err == nil {
		p.fail("%s %q is no number", what, w)
	}
	return uint32(n)
}

func (p *parser) addr(what string) netip.Addr {
	a, err := netip.ParseAddr(p.next(what))
	if err != nil {
		p.fail("%s: %w", what, err)
	}
	return a
}

// prefix reads a prefix, a lone address, or "default" of a family.
func (p *parser) prefix(what string, f routing.Family) netip.Prefix {
	w := p.next(what)
	if w == "default" {
		if f == routing.IPv4 {
			return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		}
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	if a, err := netip.ParseAddr(w); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	prefix, err := netip.ParsePrefix(w)
	if err != nil {
		p.fail("%s: %w", what, err)
	}
	return prefix
}

func (p *parser) table() routing.Table {
	t, err := routing.ParseTable(p.next("table"))
	if err != nil {
		p.fail("%w", err)
	}
	return t
}

func (p *parser) protocol() routing.Protocol {
	proto, err := routing.ParseProtocol(p.next("protocol"))
	if err != nil {
		p.fail("%w", err)
	}
	return proto
}

func (p *parser) op() Op {
	switch command := p.next("command"); command {
	case "sysctl":
		return p.sysctl()
	case "nft":
		return p.nft()
	case "ip":
	default:
		p.fail("%q is not ip, sysctl or nft", command)
		return Op{}
	}
	family := routing.IPv4
	if p.skip("-6") {
		family = routing.IPv6
	} else {
		p.skip("-4")
	}
	object := p.next("object")
	if object == "route" && p.skip(verbAppend) {
		r := p.route(family)
		r.Behind = true
		return Op{Add, r}
	}
	verb := p.verb()
	switch object {
	case "link":
		return p.link(verb)
	case "address":
		return Op{verb, p.address(family)}
	case "route":
		return Op{verb, p.route(family)}
	case "rule":
		return Op{verb, p.rule(family)}
	case "neigh":
		return Op{verb, p.neigh()}
	}
	p.fail("object %q is not link, address, route, rule or neigh", object)
	return Op{}
}

func (p *parser) verb() Verb {
	w := p.next("verb")
	for v, name := range verbNames {
		if w == name {
			return v
		}
	}
	p.fail("verb %q is not add, set, replace or del", w)
	return 0
}

func (p *parser) sysctl() Op {
	p.skip("-w")
	name, value, ok := strings.Cut(p.next("setting"), "=")
	link, isLink := strings.CutPrefix(name, "net.ipv4.conf.")
	link6, isIPv6 := strings.CutPrefix(name, "net.ipv6.conf.")
	if isIPv6 {
		link, isLink = link6, true
	}
	dot := strings.LastIndex(link, ".")
	n, err := strconv.Atoi(value)
	if !ok || !isLink || dot < 0 || err != nil {
		p.fail("setting is not net.ipv4.conf.LINK.NAME=NUMBER, nor of net.ipv6.conf")
		return Op{}
	}
	swap := strings.NewReplacer(".", "/", "/", ".")
	return Op{Set, routing.Sysctl{Link: swap.Replace(link[:dot]), Name: link[dot+1:], IPv6: isIPv6, Value: n}}
}

func (p *parser) link(verb Verb) Op {
	if verb == Set {
		return Op{Set, p.attr()}
	}
	if verb == Del { // by name alone
		p.skip("dev")
		return Op{Del, xfrmi.Link{Name: p.next("device")}}
	}
	p.skip("name")
	l := xfrmi.Link{Name: p.next("device")}
	for len(p.words) > 0 {
		switch w := p.next(""); w {
		case "link":
			l.Under = p.next("link device")
		case "type":
			l.Kind = p.next("type")
		case "table":
			l.Table = p.number(w)
		case "if_id":
			l.IfID = xfrmi.IfID(p.number("if_id"))
		case "external":
			l.External = true
		case "local":
			l.VTI.Local = p.addr(w)
		case "remote":
			l.VTI.Remote = p.addr(w)
		case "ikey":
			l.VTI.InKey = p.number(w)
		case "okey":
			l.VTI.OutKey = p.number(w)
		default:
			p.fail("unexpected %q", w)
		}
	}
	return Op{verb, l}
}

func (p *parser) attr() xfrmi.Attr {
	p.skip("dev")
	a := xfrmi.Attr{Link: p.next("device"), Name: p.next("attribute")}
	if a.Name == "up" || a.Name == "down" {
		a.Name, a.Value = xfrmi.AttrState, a.Name
		return a
	}
	if a.Name == "nomaster" {
		a.Name = xfrmi.AttrMaster
		return a
	}
	a.Value = strings.Trim(p.next("value"), `"`)
	return a
}

func (p *parser) address(f routing.Family) xfrmi.Addr {
	a := xfrmi.Addr{Prefix: p.prefix("address", f)}
	for len(p.words) > 0 {
		switch w := p.next(""); w {
		case "dev":
			a.Link = p.next("device")
		case "nodad":
		case "proto":
			a.Mine = p.protocol() == routing.ProtocolIpsecif
		default:
			p.fail("unexpected %q", w)
		}
	}
	if a.Link == "" {
		p.fail("dev is missing")
	}
	return a
}

func (p *parser) route(f routing.Family) routing.Route {
	r := routing.Route{Type: routing.Unicast, Table: routing.TableMain, Protocol: routing.ProtocolBoot}
	if len(p.words) > 0 {
		if t, ok := routing.ParseRouteType(p.words[0]); ok {
			r.Type = t
			p.words = p.words[1:]
		}
	}
	r.Dst = p.prefix("destination", f).Masked()
	for len(p.words) > 0 {
		switch w := p.next(""); w {
		case "tos":
			r.TOS = uint8(p.number(w))
		case "via":
			p.skip("inet6")
			r.Via = p.addr(w)
		case "dev":
			r.Dev = p.next("device")
		case "table":
			r.Table = p.table()
		case "metric":
			r.Metric = p.number(w)
		case "src":
			r.Src = p.addr(w)
		case "mtu":
			r.MTU = p.number(w)
		case "proto":
			r.Protocol = p.protocol()
		case "encap":
			r.Encap = p.encap()
		default:
			p.fail("unexpected %q", w)
		}
	}
	return r
}

// encap reads to the end of the line, as ip-route(8) does.
func (p *parser) encap() routing.Encap {
	var e routing.Encap
	if w := p.next("encap"); w != "xfrm" {
		p.fail("encap %q is not xfrm", w)
	}
	for len(p.words) > 0 {
		switch w := p.next(""); w {
		case "if_id":
			e.IfID = p.number(w)
		case "link_dev":
			e.Link = p.next("link_dev")
		default:
			p.fail("unexpected %q after encap xfrm", w)
		}
	}
	if e.IfID == 0 {
		p.fail("encap xfrm needs an if_id above 0")
	}
	return e
}

func (p *parser) rule(f routing.Family) routing.Rule {
	r := routing.Rule{Family: f, Suppress: routing.NoSuppress, Protocol: routing.ProtocolBoot}
	for len(p.words) > 0 {
		switch w := p.next(""); w {
		case "priority":
			r.Priority = p.number(w)
		case "not":
			r.Not = true
		case "from":
			r.From = p.selector(w, f)
		case "to":
			r.To = p.selector(w, f)
		case "iif":
			r.Iif = p.next("device")
		case "fwmark":
			r.Mark = p.mark()
		case "lookup":
			r.Action, r.Table = routing.Lookup, p.table()
		case "suppress_prefixlength":
			r.Suppress = int(p.number(w))
		case "protocol":
			r.Protocol = p.protocol()
		default:
			action, ok := routing.ParseReject(w)
			if !ok {
				p.fail("unexpected %q", w)
			}
			r.Action, r.Table = action, 0
		}
	}
	if r.Action == 0 {
		p.fail("lookup or unreachable is missing")
	}
	return r
}

// selector reads the prefix of a rule; all is what none means.
func (p *parser) selector(what string, f routing.Family) netip.Prefix {
	prefix := p.prefix(what, f).Masked()
	if prefix.Bits() == 0 {
		return netip.Prefix{}
	}
	return prefix
}

func (p *parser) mark() routing.Mark {
	value, mask, ok := strings.Cut(p.next("mark"), "/")
	if !ok {
		mask = "0xffffffff"
	}
	v, err := strconv.ParseUint(value, 0, 32)
	m, err2 := strconv.ParseUint(mask, 0, 32)
	if err != nil || err2 != nil || m == 0 {
		p.fail("fwmark is not VALUE/MASK with a mask above 0")
	}
	return routing.Mark{Value: uint32(v), Mask: uint32(m)}
}
