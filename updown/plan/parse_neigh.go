package plan

import "github.com/ipsecif/ipsecif/routing"

func (p *parser) neigh() routing.Neigh {
	if !p.skip("proxy") {
		p.fail("only entries with proxy are known")
	}
	n := routing.Neigh{Addr: p.addr("address")}
	for len(p.words) > 0 {
		switch w := p.next(""); w {
		case "dev":
			n.Dev = p.next("device")
		case "protocol":
			n.Mine = p.protocol() == routing.ProtocolIpsecif
		default:
			p.fail("unexpected %q", w)
		}
	}
	if n.Dev == "" {
		p.fail("dev is missing")
	}
	return n
}
