package networkd

import (
	"strconv"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// keyIfID is the key of the if_id, of which InterfaceId is read back.
const keyIfID = "InterfaceId"

// network is an interface and what is on it.
type network struct {
	link     string
	id       xfrmi.IfID
	sources  []Source
	attrs    []xfrmi.Attr
	addrs    []xfrmi.Addr
	routes   []routing.Route
	rules    []routing.Rule
	rpFilter int                 // routing.RPFilterOff for what the kernel gives it
	rest     map[string][]string // by conn, the commands that make what networkd has nothing for
}

// netdev returns the file that makes the interface, bound to a device or not.
func (n *network) netdev(bound bool) string {
	u := newUnit(n.sources)
	u.section("NetDev")
	u.set("Name", n.link)
	u.set("Kind", xfrmi.Kind)
	u.section("Xfrm")
	u.set(keyIfID, n.id.String())
	if !bound {
		// Without it, networkd makes the interface only on a device whose
		// .network file asks for that.
		u.set("Independent", "yes")
	}
	return u.String()
}

// rpFilters has the values of rp_filter as networkd writes them.
var rpFilters = map[int]string{routing.RPFilterStrict: "strict", routing.RPFilterLoose: "loose"}

// text returns the .network file.
func (n *network) text() string {
	attr := map[string]string{}
	for _, a := range n.attrs {
		attr[a.Name] = a.Value
	}
	u := newUnit(n.sources)
	u.section("Match")
	u.set("Name", n.link)
	u.set("Kind", xfrmi.Kind)
	u.section("Link")
	u.set("RequiredForOnline", "no")
	u.set("MTUBytes", attr[xfrmi.AttrMTU])
	if attr[xfrmi.AttrMulticast] == "on" {
		u.set("Multicast", "yes")
	}
	u.section("Network")
	u.set("LinkLocalAddressing", "no")
	u.set("IPv6AcceptRA", "no")
	u.set("ConfigureWithoutCarrier", "yes")
	u.set("VRF", attr[xfrmi.AttrMaster])
	u.set("IPv4ReversePathFilter", rpFilters[n.rpFilter])
	for _, a := range n.addrs {
		u.address(a)
	}
	for _, r := range n.routes {
		u.route(r)
	}
	for _, r := range n.rules {
		u.rule(r)
	}
	return u.String()
}

func (u *unit) address(a xfrmi.Addr) {
	u.section("Address")
	u.set("Address", a.Prefix.String())
	if a.Prefix.Addr().Is6() {
		u.set("DuplicateAddressDetection", "none")
	} else if !a.Prefix.IsSingleIP() {
		u.set("Broadcast", "no")
	}
}

// route writes a route. Its protocol is that of networkd, static: with ours, it
// would be ipsecif's to take away.
func (u *unit) route(r routing.Route) {
	u.section("Route")
	if r.Type != routing.Unicast {
		u.set("Type", r.Type.String())
	}
	u.set("Destination", r.Dst.String())
	u.set("Table", r.Table.String())
	u.set("Metric", positive(r.Metric))
	if r.Src.IsValid() {
		u.set("PreferredSource", r.Src.String())
	}
	u.set("MTUBytes", positive(r.MTU))
}

func (u *unit) rule(r routing.Rule) {
	u.section("RoutingPolicyRule")
	u.set("Family", map[routing.Family]string{routing.IPv4: "ipv4", routing.IPv6: "ipv6"}[r.Family])
	u.set("Priority", strconv.FormatUint(uint64(r.Priority), 10))
	if r.Not {
		u.set("InvertRule", "yes")
	}
	if r.From.IsValid() {
		u.set("From", r.From.String())
	}
	if r.To.IsValid() {
		u.set("To", r.To.String())
	}
	u.set("IncomingInterface", r.Iif)
	if r.Mark.Set() {
		u.set("FirewallMark", r.Mark.String())
	}
	if r.Action == routing.RejectUnreachable {
		u.set("Type", "unreachable")
	} else {
		u.set("Table", r.Table.String())
	}
	if r.Suppress != routing.NoSuppress {
		u.set("SuppressPrefixLength", strconv.Itoa(r.Suppress))
	}
}

// positive returns a number, "" for 0.
func positive(n uint32) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}
