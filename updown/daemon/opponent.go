package daemon

import (
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Neighbours says who else works on links, addresses, routes and rules of this
// host, as far as can be seen.
type Neighbours struct {
	Networkd       bool             // systemd-networkd runs
	DeletesRoutes  bool             // and deletes routes that it has not made
	DeletesRules   bool             // the same of rules
	NetworkManager bool             // NetworkManager runs
	Charon         bool             // strongSwan's daemon runs
	Protocols      map[uint8]string // names of route protocols (rt_protos)
	StockUpdown    []string         // conns of which libreswan's own hook works on routes
}

// protocolStatic is what strongSwan, and others, give to their routes (RTPROT_STATIC).
const protocolStatic routing.Protocol = 4

// tellFight logs one line about objects that are fought about, the first by name.
func (l *Loop) tellFight(fought []updown.Repaired) {
	r := fought[0]
	what := fmt.Sprintf("%q was repaired %d times within a minute", r.Op, fightAfter)
	if more := len(fought) - 1; more > 0 {
		what += fmt.Sprintf(", and %s more", plural(more, "object"))
	}
	advice := l.Neighbours().advice(r)
	l.Log(about(r, Warning, what+": "+advice+fmt.Sprintf("; it is repaired more seldom now, every %v at last, and not told any more", longest)))
}

// advice names who probably undoes a repair, and what to do about that.
func (n Neighbours) advice(r updown.Repaired) string {
	_, inner := plan.Where(r.Op.Object)
	_, had := plan.Where(r.Had)
	switch inner.(type) {
	case routing.Route:
		if is, ok := had.(routing.Route); ok && !is.Mine() {
			return n.ofRoute(is, r.Conns)
		}
		if n.DeletesRoutes {
			return "systemd-networkd deletes routes that it does not know; set ManageForeignRoutes=no in section [Network] of networkd.conf(5)"
		}
	case routing.Rule:
		if n.DeletesRules {
			return "systemd-networkd deletes rules that it does not know; set ManageForeignRoutingPolicyRules=no in section [Network] of networkd.conf(5)"
		}
	case xfrmi.Link, xfrmi.Attr, xfrmi.Addr:
		name := plan.LinkOf(inner)
		if link, ok := inner.(xfrmi.Link); ok {
			name = link.Name
		}
		if n.NetworkManager {
			return fmt.Sprintf("NetworkManager may manage the interface; set unmanaged-devices=interface-name:%s in section [keyfile] of NetworkManager.conf(5)", name)
		}
		if n.Networkd {
			return fmt.Sprintf("systemd-networkd may manage the interface; set Unmanaged=yes in section [Link] of a .network file that matches %s", name)
		}
	}
	return "somebody else undoes it, and it is not known who"
}

// ofRoute says who has made the route that is found in the place of ours.
func (n Neighbours) ofRoute(is routing.Route, conns []string) string {
	name := n.Protocols[uint8(is.Protocol)]
	if name == "" {
		name = fmt.Sprintf("protocol %d", is.Protocol)
	}
	text := fmt.Sprintf("%q takes its place each time (%s)", is, name)
	switch {
	case n.Charon && is.Protocol == protocolStatic:
		return text + "; if strongSwan makes it, set charon.install_routes=no"
	case is.Protocol == routing.ProtocolBoot && len(n.StockUpdown) > 0:
		return text + fmt.Sprintf("; libreswan's own hook works on routes of %s, set leftupdown=%%disabled or `ipsecif updown` there", strings.Join(n.StockUpdown, ", "))
	case is.Protocol != protocolStatic && is.Protocol != routing.ProtocolBoot: // a routing daemon's, with a number of its own
		return text + "; give it another metric there, or metric= to the conn " + strings.Join(conns, ", ")
	}
	return text
}
