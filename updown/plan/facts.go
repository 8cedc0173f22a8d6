package plan

import (
	"maps"
	"net/netip"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
)

// PathQuery asks how packets with a mark leave for an address.
type PathQuery struct {
	To   netip.Addr
	Mark uint32
}

// Query says what has to be read from the kernel besides the objects
// themselves.
type Query struct {
	Tables   []routing.Table // their routes, beside those of main
	Paths    []PathQuery
	Settings []string // links whose settings are asked for, beside those on Paths and all xfrm interfaces
}

// RPFilter holds the values of rp_filter as they are in effect before ipsecif.
type RPFilter struct {
	All, Default int
	Links        map[string]int
}

// strict reports whether a link with value v would drop packets whose answer
// takes another link: the kernel uses the greater of "all" and the link's own.
func (f RPFilter) strict(v int) bool { return max(f.All, v) == routing.RPFilterStrict }

// Facts is what the host is like, apart from the objects that ipsecif manages.
// The zero value is a host without addresses.
type Facts struct {
	Locals   conn.Locals
	Names    map[string]netip.Addr // host names of conns, resolved
	Paths    map[PathQuery]routing.Path
	Tunnels  map[string]bool // names of the xfrm interfaces
	RPFilter RPFilter
	// ReflectsMark names the sysctl, if any, that gives replies the mark of
	// the packet they answer: fwmark_reflect or tcp_fwmark_accept.
	ReflectsMark string
}

// Observation is what was read from the kernel at one time.
type Observation struct {
	State State
	Facts Facts
}

// Before returns the facts as they were before ipsecif changed settings.
func (f Facts) Before(saved []Saved) Facts {
	links := maps.Clone(f.RPFilter.Links)
	for _, s := range saved {
		was, ok := s.object(s.Was).(routing.Sysctl)
		if !ok || was.Name != routing.SysctlRPFilter {
			continue
		}
		if now, ok := links[s.Link]; ok && s.object(s.Ours) == (routing.Sysctl{Link: s.Link, Name: s.Name, Value: now}) {
			links[s.Link] = was.Value
		}
	}
	f.RPFilter.Links = links
	return f
}

// Outside returns the facts with paths that avoid the xfrm interfaces: where
// another tunnel has the default route, the kernel's answer leads into it, and
// the best other route of main is where ESP has to go.
func (f Facts) Outside(s State) Facts {
	tunnels := orderOf(s)
	paths := maps.Clone(f.Paths)
	for q, p := range f.Paths {
		if !tunnels[p.Dev] {
			continue
		}
		var best routing.Route
		for _, o := range s {
			r, ok := o.(routing.Route)
			if ok && r.Table == routing.TableMain && r.Type == routing.Unicast && !tunnels[r.Dev] && r.Beats(best, q.To) {
				best = r
			}
		}
		if best.Dev == "" {
			delete(paths, q)
			continue
		}
		paths[q] = routing.Path{Dev: best.Dev, Via: best.Via}
	}
	f.Paths, f.Tunnels = paths, tunnels
	return f
}

// PathQueries asks for the path to the peer and to its configured next hop.
func (t Tunnel) PathQueries() []PathQuery {
	var queries []PathQuery
	for _, a := range []netip.Addr{t.Peer, t.NextHop} {
		if a.IsValid() {
			queries = append(queries, PathQuery{a, t.Mark.Value})
		}
	}
	return queries
}

// PathQueries asks for the paths to both ends of a conn and to their next
// hops, since which end is the peer is not known before the answer.
func PathQueries(c *conn.Conn, names map[string]netip.Addr) []PathQuery {
	c = Facts{Names: names}.named(c)
	m, _ := mark(c)
	var queries []PathQuery
	for _, e := range []conn.End{c.Left, c.Right} {
		if e.Host.Kind == conn.HostAddr {
			queries = append(queries, PathQuery{e.Host.Addr, m.Value})
		}
		if e.NextHop.Kind == conn.NextHopAddr {
			queries = append(queries, PathQuery{e.NextHop.Addr, m.Value})
		}
	}
	return queries
}
