// Package networkd lets systemd-networkd make the interfaces of conns, with all
// that is on them: it renders what ipsecif would make as .netdev and .network
// files (systemd.netdev(5), systemd.network(5)), puts them where networkd reads
// them, and asks it over D-Bus to do so.
package networkd

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Under is the device that ESP of an interface leaves by.
type Under struct {
	Link    string
	Network string // path of the .network file that systemd-networkd applies to it
}

// Request is what is to be rendered.
type Request struct {
	Claims []plan.Claim
	Want   plan.Want // what they ask for
	// Under has the devices of interfaces, by name, that are to be bound to one,
	// as ESP offload needs it. The others are independent.
	Under map[string]Under
}

// Rendering is what systemd-networkd has to know.
type Rendering struct {
	Files []File // in the order of their names
	// Notes are sentences about what networkd has nothing for, and ipsecif makes
	// when a conn comes up.
	Notes []string
}

// Render returns the files for what conns want. The error has a plan.Problem for
// each conn that networkd cannot serve, and why.
func Render(r Request) (Rendering, error) {
	renderer := renderer{Request: r, networks: map[string]*network{}, seen: map[plan.Problem]bool{}}
	claims := map[string]plan.Claim{}
	for _, c := range r.Claims {
		if renderer.supported(c) {
			claims[c.Name] = c
			renderer.claim(c)
		}
	}
	for _, o := range r.Want.Sorted() {
		for _, name := range r.Want.OwnersOf(o) {
			if c, ok := claims[name]; ok {
				renderer.add(c, o)
			}
		}
	}
	for _, link := range slices.Sorted(maps.Keys(renderer.networks)) {
		renderer.link(renderer.networks[link])
	}
	if err := renderer.errors(); err != nil {
		return Rendering{}, err
	}
	slices.SortFunc(renderer.made.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	return renderer.made, nil
}

type renderer struct {
	Request
	networks map[string]*network // by link
	made     Rendering
	problems []plan.Problem
	seen     map[plan.Problem]bool
}

// refuse notes a problem of a conn, once.
func (r *renderer) refuse(c plan.Claim, format string, args ...any) {
	p := plan.Problem{Claim: c.Name, Where: c.Where, Text: fmt.Sprintf(format, args...)}
	if !r.seen[p] {
		r.seen[p] = true
		r.problems = append(r.problems, p)
	}
}

// errors returns the problems in the order of the conns.
func (r *renderer) errors() error {
	slices.SortStableFunc(r.problems, func(a, b plan.Problem) int { return cmp.Compare(a.Claim, b.Claim) })
	var errs []error
	for _, p := range r.problems {
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

// supported reports whether networkd can make the interface of a conn, and that
// alone is what it needs.
func (r *renderer) supported(c plan.Claim) bool {
	before := len(r.problems)
	t := c.Tunnel
	switch {
	case t.External:
		r.refuse(c, "systemd-networkd has no external xfrm interfaces, and no routes that tell one the if_id; give the conn an interface of its own")
	case t.VTI != (plan.VTI{}):
		r.refuse(c, "systemd-networkd does not set disable_policy, which a VTI device needs; use ipsec-interface= instead of vti-interface=")
	case t.Netns != "":
		r.refuse(c, "systemd-networkd makes nothing in another network namespace (netns=%s)", t.Netns)
	case !isName(t.Link):
		r.refuse(c, "the name %q of the interface would be a pattern in files of systemd-networkd, or none; choose one of letters, digits and _.-", t.Link)
	}
	if t.Withdraws() {
		r.refuse(c, "systemd-networkd knows of no SAs, so its routes cannot go with them (on-loss=withdraw)")
	}
	if t.AddrLink != "" {
		r.refuse(c, "an address on %s is none of the interface's (interface-ip-dev=)", t.AddrLink)
	}
	if t.VRF != "" && !isName(t.VRF) {
		r.refuse(c, "the name %q of the VRF has other characters than letters, digits and _.-", t.VRF)
	}
	return len(r.problems) == before
}

// claim notes a conn for the files of its interface.
func (r *renderer) claim(c plan.Claim) {
	n := r.networks[c.Tunnel.Link]
	if n == nil {
		n = &network{link: c.Tunnel.Link, id: c.Tunnel.IfID, rest: map[string][]string{}}
		r.networks[n.link] = n
	}
	n.sources = append(n.sources, Source{c.Name, c.Where})
}

// link renders the files of one interface.
func (r *renderer) link(n *network) {
	slices.SortFunc(n.sources, func(a, b Source) int { return cmp.Compare(a.Conn, b.Conn) })
	for _, s := range n.sources {
		if rest := n.rest[s.Conn]; len(rest) > 0 {
			r.made.Notes = append(r.made.Notes, fmt.Sprintf("conn %q: systemd-networkd has nothing for these, `ipsecif up %s` adds them: %s",
				s.Conn, s.Conn, strings.Join(rest, "; ")))
		}
	}
	under, bound := r.Under[n.link]
	r.made.Files = append(r.made.Files, File{netdevFile(n.link), n.netdev(bound)}, File{networkOf(n.link), n.text()})
	if bound {
		u := newUnit(n.sources)
		u.section("Network")
		u.set("Xfrm", n.link)
		file := under.Network[strings.LastIndex(under.Network, "/")+1:]
		r.made.Files = append(r.made.Files, File{file + ".d/" + prefix + n.link + ".conf", u.String()})
	}
}

// add takes an object of a conn into the file of its interface.
func (r *renderer) add(c plan.Claim, o plan.Object) {
	n := r.networks[c.Tunnel.Link]
	if !Makes(o, []string{n.link}) {
		n.rest[c.Name] = append(n.rest[c.Name], plan.Making(o).String())
		return
	}
	switch o := o.(type) {
	case xfrmi.Attr:
		n.attrs = unique(n.attrs, o)
	case xfrmi.Addr:
		n.addrs = unique(n.addrs, o)
	case routing.Rule:
		n.rules = unique(n.rules, o)
	case routing.Route:
		if o.Dev != "" && o.Dev != n.link {
			r.refuse(c, "the route %q is on another device than %s, where systemd-networkd would have to know its next hop; choose scheme=overlay", o, n.link)
			return
		}
		n.routes = unique(n.routes, o)
	case routing.Sysctl:
		n.rpFilter = o.Value
	}
}

// unique adds an item to a list that does not have it.
func unique[T comparable](list []T, item T) []T {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}
