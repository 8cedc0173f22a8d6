package hook

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// Parse reads the environment of a hook, NAME=VALUE each. Others than Variables
// do not matter. The error names all that is wrong.
func Parse(env []string) (Event, error) {
	r := newReader(env)
	e := Event{Daemon: Pluto}
	if r.has("PLUTO_VERSION") {
		e.Daemon = Charon
	}
	maps.DeleteFunc(r.env, func(name, _ string) bool { return !e.Daemon.reads(name) })
	r.verb(&e)
	e.Conn = r.required("PLUTO_CONNECTION")
	r.outer(&e)
	r.inner(&e)
	if e.Daemon == Charon {
		r.charon(&e)
	} else {
		r.pluto(&e)
	}
	r.defaults(&e)
	r.families(&e)
	if err := r.err(); err != nil {
		return Event{}, err
	}
	return e, nil
}

// verb reads the verb as a set: one action, or with updown-config=async several
// with hyphens between, and perhaps a suffix.
func (r *reader) verb(e *Event) {
	const name = "PLUTO_VERB"
	e.Verb = r.required(name)
	if e.Verb == "" {
		return
	}
	const adds, takes = Prepare | Route | Up, Unroute | Down
	for word := range strings.SplitSeq(withoutSuffix(e.Verb), "-") {
		action, ok := actions[word]
		if !ok || e.Actions.Has(action) || action&adds != 0 && e.Actions.Has(takes) || action&takes != 0 && e.Actions.Has(adds) {
			r.fail(name, "%s is no verb", quote(e.Verb))
			return
		}
		e.Actions |= action
	}
}

// withoutSuffix cuts off of a verb what the selectors tell as well.
func withoutSuffix(verb string) string {
	for _, suffix := range []string{"-host", "-client"} {
		if short, ok := strings.CutSuffix(strings.TrimSuffix(verb, "-v6"), suffix); ok {
			return short
		}
	}
	return verb
}

// outer reads what is about the encrypted packets.
func (r *reader) outer(e *Event) {
	r.needs("PLUTO_ME")
	r.needs("PLUTO_PEER")
	e.Me, e.Peer = r.addr("PLUTO_ME"), r.addr("PLUTO_PEER")
	if e.Me.IsValid() && e.Me.IsUnspecified() {
		r.fail("PLUTO_ME", "%s is no address of this host", e.Me)
	}
	if e.Peer.IsValid() && e.Peer.IsUnspecified() {
		e.Peer = netip.Addr{}
	}
	e.NextHop = r.addr("PLUTO_NEXT_HOP")
	if e.NextHop == e.Peer || e.NextHop.IsValid() && e.NextHop.IsUnspecified() {
		e.NextHop = netip.Addr{}
	}
	for _, nothing := range []string{"NULL", "unknown"} { // as pluto and charon say it
		if r.env["PLUTO_INTERFACE"] == nothing {
			delete(r.env, "PLUTO_INTERFACE")
		}
	}
	e.Dev = r.device("PLUTO_INTERFACE")
}

// inner reads what is about the protected packets.
func (r *reader) inner(e *Event) {
	e.Ours = r.selector("PLUTO_MY_CLIENT")
	e.Theirs = r.selector("PLUTO_PEER_CLIENT")
	e.MyProtocol, e.PeerProtocol = r.protocol("PLUTO_MY_PROTOCOL"), r.protocol("PLUTO_PEER_PROTOCOL")
	e.MyPort, e.PeerPort = r.port("PLUTO_MY_PORT"), r.port("PLUTO_PEER_PORT")
}

func (r *reader) protocol(name string) string {
	return decimal(r.number(name, math.MaxUint8))
}

// port returns a port, 0 for any or, as charon writes ranges, LOW:HIGH.
func (r *reader) port(name string) string {
	v := r.text(name)
	if v == "" {
		return "0"
	}
	var ports []string
	for n := range strings.SplitSeq(v, ":") {
		p, err := strconv.ParseUint(n, 10, 16)
		if err != nil || len(ports) == 2 {
			r.fail(name, "%s is no port", quote(v))
			return ""
		}
		ports = append(ports, decimal(uint32(p)))
	}
	return strings.Join(ports, ":")
}

// pluto reads what only pluto says.
func (r *reader) pluto(e *Event) {
	r.interfaceOfPluto(e)
	e.Reqid = r.number("PLUTO_SA_REQID", math.MaxUint32)
	e.Metric = r.number("PLUTO_METRIC", math.MaxUint32)
	e.MTU = r.number("PLUTO_MTU", math.MaxUint32)
	if a := r.addr("PLUTO_MY_SOURCEIP"); a.IsValid() {
		e.Sources = []netip.Addr{a}
	}
	if p := r.onLink("INTERFACE_IP"); p.IsValid() {
		e.Addrs = []netip.Prefix{p}
	}
	e.MarkIn, e.MarkOut = r.mark("CONNMARK_IN"), r.mark("CONNMARK_OUT")
	if m := r.mark("PLUTO_XFRMI_FWMARK"); m.Set && m != (conn.Mark{Value: e.IfID, Mask: math.MaxUint32, Set: true}) {
		e.MarkOut = m
	}
	e.VTI = conn.VTI{Device: r.device("VTI_IFACE"), Routing: r.flag("VTI_ROUTING"), Shared: r.flag("VTI_SHARED")}
	// libreswan's script does the same: an instance is one of several.
	e.VTI.Shared = e.VTI.Shared || r.env["PLUTO_CONN_KIND"] == "CK_INSTANCE"
	e.VTIAddr = r.onLink("VTI_IP")
	e.NFLog = uint16(r.number("NFLOG", math.MaxUint16))
	e.CAT = r.flag("CAT")
	e.ConfigClient, e.NetworkManager = r.flag("PLUTO_CFG_CLIENT"), r.flag("PLUTO_NM_CONFIGURED")
	e.Resolver = r.text("PLUTO_DNS_RESOLVER")
	e.DNS, e.Domains = r.addrs("PLUTO_PEER_DNS_INFO"), fields(r.text("PLUTO_PEER_DOMAIN_INFO"))
	e.Banner = printable(r.env["PLUTO_PEER_BANNER"])
	policy := strings.Split(r.text("PLUTO_CONN_POLICY"), "+")
	e.OnDemand = slices.Contains(policy, "ROUTE") || slices.Contains(policy, "UP")
	e.Mobike, e.Debug = r.flag("PLUTO_MOBIKE_EVENT"), r.flag("UPDOWN_DEBUG")
	r.mask("PLUTO_MY_CLIENT", e.Ours)
	r.mask("PLUTO_PEER_CLIENT", e.Theirs)
}

// interfaceOfPluto reads the xfrm interface, of which pluto says the name only.
func (r *reader) interfaceOfPluto(e *Event) {
	const name = "PLUTO_VIRT_INTERFACE"
	if v := r.env[name]; v == "NULL" || v == "" {
		return
	}
	e.Link = r.device(name)
	if e.Link == "" {
		return
	}
	var ok bool
	if e.IfID, ok = conn.IfIDOf(e.Link); !ok {
		r.fail(name, "%s is not ipsec and a number", quote(e.Link))
	}
}

// mask compares a selector with the address and the mask that pluto says beside
// it. Those of a range are not defined.
func (r *reader) mask(name string, nets []netip.Prefix) {
	if len(nets) != 1 {
		return
	}
	if a := r.addr(name + "_NET"); a.IsValid() && a != nets[0].Addr() {
		r.fail(name+"_NET", "%s is not the address of %s", a, nets[0])
	}
	mask := r.addr(name + "_MASK")
	if !mask.IsValid() {
		return
	}
	all := slices.Repeat([]byte{0xff}, len(nets[0].Addr().AsSlice()))
	ones, _ := netip.AddrFromSlice(all)
	if whole, err := ones.Prefix(nets[0].Bits()); err == nil && mask != whole.Addr() {
		r.fail(name+"_MASK", "%s is not the mask of %s", mask, nets[0])
	}
}

// charon reads what only charon says.
func (r *reader) charon(e *Event) {
	r.needs("PLUTO_REQID")
	e.Reqid = r.number("PLUTO_REQID", math.MaxUint32)
	before := len(r.errs)
	in, out := r.number("PLUTO_IF_ID_IN", math.MaxUint32), r.number("PLUTO_IF_ID_OUT", math.MaxUint32)
	if in != out && len(r.errs) == before {
		r.fail("PLUTO_IF_ID_IN", "%d is not PLUTO_IF_ID_OUT (%d): an xfrm interface has one if_id for both directions", in, out)
	}
	e.IfID = out
	e.MarkIn, e.MarkOut = r.mark("PLUTO_MARK_IN"), r.mark("PLUTO_MARK_OUT")
	e.Sources = append(r.numbered("PLUTO_MY_SOURCEIP", "4"), r.numbered("PLUTO_MY_SOURCEIP", "6")...)
	e.DNS = append(r.numbered("PLUTO_DNS", "4"), r.numbered("PLUTO_DNS", "6")...)
	e.ConfigClient = len(e.DNS) > 0
	e.HostAccess = r.flag("PLUTO_HOST_ACCESS")
}

// numbered returns the addresses of the variables that begin with a prefix and
// the number of a family, and end with _1, _2 and so on.
func (r *reader) numbered(prefix, family string) []netip.Addr {
	var all []netip.Addr
	for i := 1; r.has(prefix + family + "_" + strconv.Itoa(i)); i++ {
		name := prefix + family + "_" + strconv.Itoa(i)
		a := r.addr(name)
		if a.IsValid() && a.Is4() != (family == "4") {
			r.fail(name, "%s is no IPv%s address", a, family)
		}
		all = append(all, a)
	}
	return all
}

// families refuses what cannot belong together: the outer addresses are of one
// family, and so are the selectors, as the daemon itself says.
func (r *reader) families(e *Event) {
	if e.Peer.IsValid() && e.Me.IsValid() && e.Peer.Is4() != e.Me.Is4() {
		r.fail("PLUTO_PEER", "%s has not the family of PLUTO_ME (%s)", e.Peer, e.Me)
	}
	if e.NextHop.IsValid() && e.Me.IsValid() && e.NextHop.Is4() != e.Me.Is4() {
		r.fail("PLUTO_NEXT_HOP", "%s has not the family of PLUTO_ME (%s)", e.NextHop, e.Me)
	}
	if e.Ours != nil && e.Theirs != nil && e.Ours[0].Addr().Is4() != e.Theirs[0].Addr().Is4() {
		r.fail("PLUTO_PEER_CLIENT", "%s has not the family of PLUTO_MY_CLIENT (%s)", e.Theirs[0], e.Ours[0])
	}
	r.family("PLUTO_CONN_ADDRFAMILY", e.Me)
	if e.Ours != nil {
		r.family("PLUTO_CLIENT_FAMILY", e.Ours[0].Addr())
	}
}

func (r *reader) family(name string, a netip.Addr) {
	family := "ipv6"
	if a.Is4() {
		family = "ipv4"
	}
	if v := r.text(name); v != "" && a.IsValid() && v != family {
		r.fail(name, "%s is not the family of %s", quote(v), a)
	}
}

// printable replaces what is not printable, in texts that people read.
func printable(v string) string {
	return strings.Map(func(c rune) rune {
		if unprintable(c) {
			return '?'
		}
		return c
	}, v[:min(len(v), longest)])
}
