package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// InNetns is an object of another network namespace. What holds for the objects
// of one namespace does not reach into another, so each has a State of its own
// while it is worked on, and only what comes and goes as a whole is mixed.
type InNetns struct {
	Netns  string // name of a file below /run/netns; never ""
	Object Object // of one of the other types
}

// Key identifies the object: by its namespace and its key there.
func (o InNetns) Key() string { return inNetnsKey(o.Netns, o.Object.Key()) }

// String returns the object in the notation that it has in its namespace.
func (o InNetns) String() string { return o.Object.String() }

func inNetnsKey(netns, key string) string { return "netns " + netns + " " + key }

// Inside puts an object into a network namespace, "" for that of ipsecif.
func Inside(netns string, o Object) Object {
	if netns == "" || o == nil {
		return o
	}
	return InNetns{netns, o}
}

// Where returns the network namespace of an object and what it is there.
func Where(o Object) (netns string, inner Object) {
	if in, ok := o.(InNetns); ok {
		return in.Netns, in.Object
	}
	return "", o
}

// inNetns puts the objects of operations into a network namespace.
func inNetns(netns string, ops []Op) []Op {
	ops = slices.Clone(ops)
	for i := range ops {
		ops[i].Object = Inside(netns, ops[i].Object)
	}
	return ops
}

// split returns the state of each network namespace. There is always one for
// that of ipsecif.
func (s State) split() map[string]State {
	spaces := map[string]State{}
	for _, o := range s {
		netns, inner := Where(o)
		if netns == "" {
			continue
		}
		if spaces[netns] == nil {
			spaces[netns] = State{}
		}
		spaces[netns].Put(inner)
	}
	spaces[""] = s
	if len(spaces) > 1 {
		spaces[""] = maps.Clone(s)
		spaces[""].drop(func(o Object) bool { _, away := o.(InNetns); return away })
	}
	return spaces
}

// netnsCommand returns an operation in a network namespace as the command that
// would do the same. An xfrm interface uses the policies of the namespace that
// it was made in, so one that is to use those of ipsecif's has to be moved; the
// kernel itself needs no such detour.
func netnsCommand(netns string, op Op) string {
	command := op.String()
	if l, ok := op.Object.(xfrmi.Link); ok && op.Verb == Add && l.Kind == xfrmi.Kind && !l.Far {
		return command + moveTo(l.Name, netns)
	}
	if rest, ok := strings.CutPrefix(command, "ip "); ok {
		return "ip -n " + netns + " " + rest
	}
	return "ip netns exec " + netns + " " + command
}

// move begins the second half of what makes a link and moves it.
const (
	move  = " && ip link set "
	moved = " netns "
)

func moveTo(link, netns string) string {
	if xfrmi.IsKeyword(link) {
		link = "dev " + link
	}
	return move + link + moved + netns
}

// parseNetns takes the network namespace out of what netnsCommand prints.
func parseNetns(line string) (netns, command string) {
	if command, rest, ok := strings.Cut(line, move); ok {
		if i := strings.LastIndex(rest, moved); i >= 0 {
			netns = rest[i+len(moved):]
		}
		return netns, command
	}
	for _, prefix := range []string{"ip -n ", "ip netns exec "} {
		rest, ok := strings.CutPrefix(line, prefix)
		if !ok {
			continue
		}
		netns, command, _ = strings.Cut(rest, " ")
		if prefix == "ip -n " {
			command = "ip " + command
		}
		return netns, command
	}
	return "", line
}

// In returns the facts as they are for what lives in a network namespace. Paths
// and SAs remain those of ipsecif's own, where ESP is made and sent.
func (f Facts) In(netns string) Facts {
	if netns == f.netns {
		return f
	}
	s := f.spaces[netns]
	f.netns, f.Locals, f.Routed, f.RPFilter = netns, conn.Locals{}, nil, RPFilter{}
	for _, o := range s {
		if a, ok := o.(xfrmi.Addr); ok {
			f.Locals.Addrs = append(f.Locals.Addrs, conn.LocalAddr{Dev: a.Link, Addr: a.Prefix.Addr()})
		}
	}
	return f.about(s)
}

// in returns what is wanted in one network namespace alone.
func (w Want) in(netns string) Want {
	if netns != "" {
		return w.Within[netns]
	}
	w.Within = nil
	return w
}

// Has reports whether an object with the key of o is wanted.
func (w Want) Has(o Object) bool {
	netns, inner := Where(o)
	return w.in(netns).State[inner.Key()] != nil
}

// Sorted returns all that is wanted, in the order of making, what is in other
// network namespaces last.
func (w Want) Sorted() []Object {
	all := w.State.Sorted()
	for _, netns := range slices.Sorted(maps.Keys(w.Within)) {
		for _, o := range w.Within[netns].State.Sorted() {
			all = append(all, Inside(netns, o))
		}
	}
	return all
}

// OwnersOf returns the names of the claims that want an object.
func (w Want) OwnersOf(o Object) []string {
	netns, inner := Where(o)
	return w.in(netns).Owners[inner.Key()]
}

// MTU returns the MTU that conns ask for on the link of a tunnel, given its
// present name.
func (w Want) MTU(t Tunnel, link string) (TunnelMTU, bool) {
	m, ok := w.in(t.Netns).MTUs[link]
	return m, ok
}

// enclosed reports whether nothing but what is meant for the tunnel is looked up
// where its routes are: ESP and IKE are not.
func (t Tunnel) enclosed() bool { return t.VRF != "" || t.Netns != "" }

// compileNetns adds what claims ask for in the network namespaces other than
// that of ipsecif.
func (w *Want) compileNetns(claims []Claim, facts Facts) []Problem {
	var problems []Problem
	names := map[string]bool{}
	for _, c := range claims {
		netns := c.Tunnel.Netns
		if why, gone := facts.NoNetns[netns]; gone {
			problems = append(problems, Problem{c.Name, c.Where, "netns: " + why})
		} else if netns != "" {
			names[netns] = true
		}
	}
	w.Within = map[string]Want{}
	for _, netns := range slices.Sorted(maps.Keys(names)) {
		within, more := compile(inNamespace(claims, netns), nil, facts.In(netns))
		w.Within[netns] = within
		problems = append(problems, more...)
	}
	return append(problems, checkNetns(claims)...)
}

// inNamespace returns the claims of one network namespace.
func inNamespace(claims []Claim, netns string) []Claim {
	elsewhere := func(c Claim) bool { return c.Tunnel.Netns != netns }
	if !slices.ContainsFunc(claims, elsewhere) {
		return claims
	}
	return slices.DeleteFunc(slices.Clone(claims), elsewhere)
}

// waysOut puts the rules by which ESP and IKE of tunnels in other network
// namespaces get past tunnels in this one, where that was asked for.
func (c *compiler) waysOut(claims []Claim) {
	for _, claim := range claims {
		t := claim.Tunnel
		_, gone := c.facts.NoNetns[t.Netns]
		if gone && !c.facts.Closed[t.Netns] || t.Netns == "" || !t.ByPeer {
			continue
		}
		for _, d := range c.demands(t) {
			for _, r := range t.layout(d).Rules {
				c.put(claim, r)
			}
		}
	}
}

// checkNetns notes the if_ids that claims have in different network namespaces.
// The kernel knows an interface by its if_id among all that use the same
// policies, wherever they are.
func checkNetns(claims []Claim) []Problem {
	var problems []Problem
	ids := map[xfrmi.IfID]*Claim{}
	for i := range claims {
		c := &claims[i]
		other := ids[c.Tunnel.IfID]
		if other == nil {
			ids[c.Tunnel.IfID] = c
		} else if here, there := c.Tunnel.Netns, other.Tunnel.Netns; here != there {
			problems = append(problems, Problem{c.Name, c.Where, "wants if_id " + c.Tunnel.IfID.String() + " in " + netnsText(here) +
				", but conn \"" + other.Name + "\" (" + other.Where + ") has it in " + netnsText(there)})
		}
	}
	return problems
}

// netnsText names a network namespace in messages.
func netnsText(name string) string {
	if name == "" {
		return "the network namespace of ipsecif"
	}
	return "network namespace " + name
}

// netns fills in what a network namespace decides, and refuses what does not
// reach into it.
func (r *resolver) netns(t *Tunnel) {
	if t.Netns == "" {
		return
	}
	t.Table, t.Scheme = routing.TableMain, routing.Overlay
	if why, gone := r.facts.NoNetns[t.Netns]; gone {
		r.refuse("netns", "no-netns", "", "%s", why)
	}
	if r.c.VRF != "" {
		r.refuse("vrf", "unsupported", "give the VRF a network namespace of its own instead", "a VRF in another network namespace is not supported")
	}
	if r.c.AddrDev == conn.AddrDevLo {
		r.refuse("interface-ip-dev", "unsupported", "leave it out", "lo in another network namespace is not supported")
	}
	if r.c.MSS.Kind == conn.SizeAuto || r.c.MSS.Kind == conn.SizeBytes {
		r.refuse("mss", "unsupported", "set mss=off in this conn, and perhaps link-mtu=auto",
			"nftables of this network namespace do not see what goes through an interface in another")
	}
}

// intoNetns puts an operation that was read from a line into a network namespace.
func intoNetns(op Op, netns, line string) (Op, error) {
	moves := strings.Contains(line, move)
	if netns == "" && !moves {
		return op, nil
	}
	if l, ok := op.Object.(xfrmi.Link); ok && op.Verb == Add && l.IsTunnel() {
		l.Far = !moves
		op.Object = l
	}
	op.Object = Inside(netns, op.Object)
	if moves && op.String() != line {
		return Op{}, fmt.Errorf("operation %q: it does not move the link that it makes, or that is no xfrm interface", line)
	}
	return op, nil
}
