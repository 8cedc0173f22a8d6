package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Problem says why a claim cannot be served as it is.
type Problem struct {
	Claim string // name of the conn
	Where string // file:line:col of the conn
	Text  string
}

// Error returns the form that all messages about a conn have.
func (p Problem) Error() string {
	if p.Where == "" { // an IKE daemon has the conn, and no configuration
		return fmt.Sprintf("conn %q: %s", p.Claim, p.Text)
	}
	return fmt.Sprintf("%s: conn %q: %s", p.Where, p.Claim, p.Text)
}

// Compile returns the state that the claims ask for on a host with these
// facts, and what stands in the way of single claims.
func Compile(claims []Claim, facts Facts) (Want, []Problem) {
	here := inNamespace(claims, "")
	want, problems := compile(here, claims, facts)
	if len(here) < len(claims) {
		problems = append(problems, want.compileNetns(claims, facts)...)
	}
	return want, problems
}

// compile is Compile for claims of one network namespace. Senders are those of
// which ESP and IKE are sent there.
func compile(claims, senders []Claim, facts Facts) (Want, []Problem) {
	c := compiler{
		want: Want{
			State: State{}, Owners: map[string][]string{}, Kept: map[string]bool{},
			Withdrawn: map[string][]string{}, MTUs: map[string]TunnelMTU{}, clamps: map[string]clamp{}, noFilter: facts.NoFilter,
		},
		facts:     facts,
		linkMTU:   map[string]int{},
		withdrawn: State{},
		nets:      nets{map[netKey]linkNet{}, map[netKey]Claim{}},
	}
	c.checkNames(routeBased(claims))
	claims = c.present(claims)
	based := routeBased(claims)
	c.checkShared(based)
	c.checkPeers(routeBased(c.present(senders)))
	c.checkSources(based)
	c.checkMarks(based)
	c.sizes(based)
	c.clamps(based)
	for _, claim := range claims {
		if claim.Tunnel.PolicyBased {
			c.policy(claim)
		} else {
			c.claim(claim)
		}
	}
	c.proxies(claims)
	c.waysOut(senders)
	c.checkWider(based)
	return c.want, c.problems
}

type compiler struct {
	want    Want
	facts   Facts
	linkMTU map[string]int // by link, those that can be
	// withdrawn has the routes that wait for an SA: who else wants their place
	// is told now, and not when the SA is there.
	withdrawn State
	nets      nets
	lans      lans // nil until somebody asks
	problems  []Problem
}

func (c *compiler) problem(claim Claim, format string, args ...any) {
	c.problems = append(c.problems, Problem{claim.Name, claim.Where, fmt.Sprintf(format, args...)})
}

// put adds an object for a claim. Two claims may share it, but not disagree.
func (c *compiler) put(claim Claim, o Object) {
	if o, ok := c.agreed(claim, o); ok {
		c.want.State.Put(o)
		c.own(claim, o.Key())
	}
}

// agreed returns what serves a claim and the others that want an object with
// that key, and notes the problem when nothing does.
func (c *compiler) agreed(claim Claim, o Object) (Object, bool) {
	key := o.Key()
	other := c.want.State[key]
	if other == nil {
		other = c.withdrawn[key]
	}
	if other == nil || other == o {
		return o, true
	}
	both, ok := shared(o, other)
	if !ok {
		c.disagree(claim, o, other)
	}
	return both, ok
}

// own notes that a claim is a reason to have an object.
func (c *compiler) own(claim Claim, key string) {
	// The claims come one after the other, so only the last can be this one.
	if owners := c.want.Owners[key]; len(owners) == 0 || owners[len(owners)-1] != claim.Name {
		c.want.Owners[key] = append(owners, claim.Name)
	}
}

// disagree notes that another claim needs something else in the same place.
func (c *compiler) disagree(claim Claim, o, other Object) {
	hint := ""
	switch o.(type) {
	case xfrmi.Link, xfrmi.Attr:
		return // checkNames has the reason
	case routing.Route:
		hint = "; " + c.remedy(o, other)
	}
	owners := slices.Concat(c.want.Owners[o.Key()], c.want.Withdrawn[o.Key()])
	c.problem(claim, "needs %q, but conn %q needs %q%s", o, owners[0], other, hint)
}

// shared returns the object that serves both of two with one key. Routes that
// differ only in their preferred source do: one with a source, and of two
// sources always the same one, serves whoever asked for none.
func shared(o, other Object) (Object, bool) {
	a, okA := o.(routing.Route)
	b, okB := other.(routing.Route)
	if !okA || !okB {
		return o, false
	}
	first, second := a, b
	if !a.Src.IsValid() || b.Src.IsValid() && b.Src.Less(a.Src) {
		first, second = b, a
	}
	second.Src = first.Src
	if first != second {
		return o, false
	}
	return first, true
}

// remedy says what helps where two conns need different objects in one place.
func (c *compiler) remedy(o, other Object) string {
	r, _ := o.(routing.Route)
	s, _ := other.(routing.Route)
	if r.Table == routing.SourceTable {
		return "give one of them another metric=: the smaller one gets what this host sends itself"
	} else if (r.Dev != s.Dev || r.Encap != s.Encap) && c.facts.netns == "" && c.leadsIn(r) && c.leadsIn(s) {
		return "give one of them another metric=, or both route-by=source if they are for different sources"
	}
	return "give one of them another metric="
}

// leadsIn reports whether a route leads into a tunnel's device.
func (c *compiler) leadsIn(r routing.Route) bool {
	l, _ := c.want.State[xfrmi.Link{Name: r.Dev}.Key()].(xfrmi.Link)
	return l.IsTunnel()
}

func (c *compiler) claim(claim Claim) {
	t := claim.Tunnel
	c.put(claim, t.Device())
	c.put(claim, xfrmi.Attr{Link: t.Link, Name: xfrmi.AttrAlias, Value: t.Device().Alias()})
	c.putMTU(claim)
	c.putClamp(claim)
	c.firewall(claim)
	c.putVTI(claim)
	c.checkVRF(claim)
	for _, a := range asked(t, t.Link) {
		if a.Name != xfrmi.AttrMaster || c.hasVRF(t) {
			c.put(claim, a)
		}
	}
	c.put(claim, xfrmi.Attr{Link: t.Link, Name: xfrmi.AttrState, Value: "up"})
	c.addresses(claim)
	c.checkAddrs(claim)
	for _, d := range c.demands(t) {
		c.serve(claim, d)
	}
	if t.relaxesRPFilter() {
		c.relaxRPFilter(claim)
	}
}

// serve puts the rules and routes for one demand. When that is not possible
// at the moment, what was made for it before is kept.
func (c *compiler) serve(claim Claim, d routing.Demand) {
	usable := c.usable(claim, d)
	layout := claim.Tunnel.layout(d)
	put := func(o Object) {
		if usable {
			c.put(claim, o)
		} else {
			c.want.Kept[o.Key()] = true
			c.own(claim, o.Key())
		}
	}
	if claim.Tunnel.Netns != "" {
		layout.Rules = nil // see waysOut
	}
	for _, r := range layout.Rules {
		put(r)
	}
	for _, r := range layout.Routes {
		switch {
		case c.connected(claim.Tunnel, r):
		case usable && c.inNet(claim, r):
		case usable:
			c.putRoute(claim, r)
		default:
			put(r)
		}
	}
}

// layout returns the rules and routes for a demand of the tunnel.
func (t Tunnel) layout(d routing.Demand) routing.Layout {
	if t.enclosed() {
		return d.Enclosed()
	}
	return t.Scheme.Layout(d)
}

// demands returns one demand for each remote selector of the tunnel.
func (c *compiler) demands(t Tunnel) []routing.Demand {
	var demands []routing.Demand
	for _, p := range t.Pairs {
		if i := slices.IndexFunc(demands, func(d routing.Demand) bool { return d.Dst == p.Theirs }); i >= 0 {
			demands[i].Attract = demands[i].Attract || p.Ours != p.Theirs
			demands[i].From = append(demands[i].From, from(t, p)...)
			continue
		}
		path, _ := c.path(t)
		demands = append(demands, routing.Demand{
			Dst: p.Theirs, From: from(t, p), Dev: t.Link, Encap: t.encap(), Src: c.source(t, p.Theirs), Peer: t.Peer, Path: path, Default: c.defaultPath(t),
			Mark: t.Mark, MarkOut: t.MarkOut, ByPeer: t.ByPeer,
			// With equal selectors a route would take the local net away; a
			// routing daemon or the admin decides what goes in.
			Attract: p.Ours != p.Theirs,
			Block:   t.OnLoss == Block, LocalLAN: t.LocalLAN,
			Metric: t.Metric, MTU: t.MTU, Table: t.Table, Priority: t.Priority,
		})
	}
	return demands
}

// from returns the source of a pair that decides about the route, if it does.
func from(t Tunnel, p Pair) []netip.Prefix {
	if !t.BySource || p.Ours == p.Theirs {
		return nil
	}
	return []netip.Prefix{p.Ours}
}

// source returns the preferred source for traffic to a remote selector: the
// first of the tunnel's own that a local selector covers. Where one is an
// address of this host alone, every other source would be dropped for want of
// an SP, so that address it is; libreswan's layout leaves it to chance.
func (c *compiler) source(t Tunnel, theirs netip.Prefix) netip.Addr {
	var ours []netip.Prefix
	for _, p := range t.Pairs {
		if p.Theirs == theirs {
			ours = append(ours, p.Ours)
		}
	}
	if len(t.Sources) == 0 && slices.ContainsFunc(ours, func(p netip.Prefix) bool { return t.translates(Pair{p, theirs}) }) {
		return t.Local // which is what is translated
	}
	if s, ok := t.sourceTo(theirs); ok {
		return s
	}
	if t.Scheme == routing.Underlay {
		return netip.Addr{}
	}
	for _, p := range ours {
		for _, l := range c.facts.Locals.Addrs {
			if p.IsSingleIP() && l.Addr == p.Addr() && c.facts.isPermanent(l) {
				return l.Addr
			}
		}
	}
	return netip.Addr{}
}

// sourceTo returns the first address that the tunnel brings along and a local
// selector covers.
func (t Tunnel) sourceTo(theirs netip.Prefix) (netip.Addr, bool) {
	for _, s := range sources(t, theirs.Addr().Is4()) {
		if slices.ContainsFunc(t.Pairs, func(p Pair) bool { return p.Theirs == theirs && p.Ours.Contains(s) }) {
			return s, true
		}
	}
	return netip.Addr{}, false
}

// sources returns the addresses of one family that the tunnel brings along, the
// preferred ones first. A single one on the link is the kernel's choice anyway;
// of several it takes one without a look at the selectors.
func sources(t Tunnel, is4 bool) []netip.Addr {
	if len(t.Sources) > 0 {
		return t.Sources
	}
	var addrs []netip.Addr
	for _, a := range t.Addrs {
		if a.Addr().Is4() == is4 {
			addrs = append(addrs, a.Addr())
		}
	}
	if len(addrs) == 1 && !t.BySource {
		return nil
	}
	return addrs
}

// path returns how ESP to the tunnel's peer leaves this host.
func (c *compiler) path(t Tunnel) (routing.Path, bool) {
	if t.NextHop.IsValid() && t.NextHop != t.Peer {
		p, ok := c.facts.Paths[PathQuery{t.NextHop, t.Mark.Value}]
		if c.facts.PointToPoint[p.Dev] {
			return routing.Path{Dev: p.Dev, MTU: p.MTU}, ok
		}
		return routing.Path{Dev: p.Dev, Via: t.NextHop}, ok
	}
	p, ok := c.facts.Paths[PathQuery{t.Peer, t.Mark.Value}]
	return p, ok
}
