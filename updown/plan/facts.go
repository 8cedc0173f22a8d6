package plan

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// PathQuery asks how packets with a mark leave for an address.
type PathQuery struct {
	To   netip.Addr
	Mark uint32
}

// Query says what has to be read from the kernel. The zero value asks for all
// objects but the routes of tables other than main.
type Query struct {
	Tables   []routing.Table // all their routes
	VRFs     []string        // whose tables are read, too
	Netns    []string        // other network namespaces of which all objects are read, too, with the routes of main
	Paths    []PathQuery
	Settings []string     // links whose settings are asked for, beside those on Paths and all xfrm interfaces
	Indexes  []uint32     // links likewise, by their index: they may have another name by now
	SAs      []xfrmi.IfID // whose SAs are asked for
	Clamps   bool         // whether the clamp is asked for; without Near our other tables of nftables, too
	Firewall FirewallQuery
	Counters bool  // whether Observation.Counters is asked for, of Netns too
	Near     *Near // nil for everything
}

// Near limits a query to the neighbourhood of some tunnels: beside it, only the
// rules and what Query asks for by name are read.
type Near struct {
	Links  []string        // with their settings, addresses and routes (but those of table local)
	Shared []string        // links of many tunnels: with their settings and addresses, and of their routes only those that Dsts have
	Addrs  []netip.Addr    // asked whether they are this host's; the only ones that Facts.Locals can have
	Dsts   []netip.Prefix  // asked whether they have a route; the only ones that Facts.Routed can have
	Nets   []netip.Prefix  // of Dsts, those whose routes in main are read, as far as the kernel would choose them, whatever their links
	Guards []routing.Table // whose guards are read
	OnLink []netip.Addr    // whose routes of main are read, as far as the kernel would choose them, with the proxy entries there
	Neighs []routing.Neigh // read, with those routes to nets of their links that have the address
	Ends   []Ends          // between which SAs are read; nil for no such limit
}

// Ends are the outer addresses of a tunnel; it does not matter which one is ours.
type Ends [2]netip.Addr

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
	Names    Names                      // of the host names of conns
	Paths    map[PathQuery]routing.Path // the zero Path for no way out
	Indexes  map[string]uint32          // of the links, by name
	Tunnels  map[string]bool            // names of the xfrm interfaces
	LinkMTUs map[string]LinkMTU         // of links other than xfrm interfaces, by name
	serving  map[xfrmi.Slot]string      // which of them is in a slot
	lent     map[conn.LocalAddr]bool    // addresses that ipsecif has put on other links
	links    map[string]xfrmi.Link      // by name
	vrfs     map[string]string          // by name of a link, the VRF that it belongs to
	bases    []firewall.Base            // of the admin's, in tables that were asked for
	NoNetns  map[string]string          // of Query.Netns, those that there are not or that are closed, and why
	Closed   map[string]bool            // of those, the ones that there are, but that ipsecif may not enter
	netns    string                     // the network namespace that the names of links are for
	spaces   map[string]State           // the states of all network namespaces
	// PointToPoint has links, by name, on which there is no next hop to choose.
	PointToPoint map[string]bool
	Ethernet     map[string]bool // links, by name, on which this host is found by ARP
	RPFilter     RPFilter
	Hidden       []netip.Addr   // of Near.OnLink, those for which the kernel would choose a route of ours, or none of main
	Routed       []netip.Prefix // of Near.Dsts, those that the kernel has a route for, not only for a wider net
	NoIPv6       bool           // the kernel was started without IPv6
	// ReflectsMark names the sysctl, if any, that gives replies the mark of
	// the packet they answer: fwmark_reflect or tcp_fwmark_accept.
	ReflectsMark string
	SAs          map[xfrmi.IfID][]SA // those that work, of every if_id that was asked for
	// NoSAs says that SAs were asked for and could not be read, for want of
	// privilege (CAP_NET_ADMIN).
	NoSAs    bool
	NoFilter bool // the same of nftables
}

// LinkMTU has the MTU of a link in bytes, and that for IPv6, which a router may
// have advertised.
type LinkMTU struct {
	Link, IPv6 uint32
}

// Of returns the MTU of the path to an address through a link and a route;
// route is the MTU that is configured there, 0 for none.
func (l LinkMTU) Of(to netip.Addr, route uint32) uint32 {
	mtu := l.Link
	if to.Is6() && l.IPv6 != 0 {
		mtu = min(mtu, l.IPv6)
	}
	if route != 0 {
		mtu = min(mtu, route)
	}
	return mtu
}

// Observation is what was read from the kernel at one time.
type Observation struct {
	State    State
	Facts    Facts
	Counters Counters // if they were asked for
}

// Before returns the facts as they were before ipsecif changed settings.
func (f Facts) Before(saved []Saved) Facts {
	links := maps.Clone(f.RPFilter.Links)
	for _, s := range saved {
		was, ok := s.Object().(routing.Sysctl)
		if !ok || was.Name != routing.SysctlRPFilter {
			continue
		}
		if now, ok := links[s.Link]; ok && s.ours() == (routing.Sysctl{Link: s.Link, Name: s.Name, Value: now}) {
			links[s.Link] = was.Value
		}
	}
	f.RPFilter.Links = links
	return f
}

// Outside returns the facts with paths as they would be without ipsecif. Where
// a tunnel or its guard has the default route, the kernel's answer leads into
// it; where a route to the peer is pinned, the answer is what was pinned. The
// best other route of main is the way then.
func (f Facts) Outside(s State) Facts {
	f = f.about(s)
	f.spaces = s.split()
	pinned := map[netip.Addr]bool{}
	pinnedAll := map[routing.Family]bool{} // by a copy of the default route
	var own []netip.Prefix                 // what main has for tunnels without a device
	for _, o := range s {
		r, ok := o.(routing.Route)
		switch {
		case ok && r.Table == routing.TableMain && r.Mine() && r.Type == routing.Unicast && !f.Tunnels[r.Dev]:
			own = append(own, r.Dst)
		case !ok || r.Table == routing.TableMain || !r.Mine() || r.Type != routing.Unicast || f.Tunnels[r.Dev]:
		case r.Dst.IsSingleIP():
			pinned[r.Dst.Addr()] = true
		case r.Dst.Bits() == 0:
			pinnedAll[routing.FamilyOf(r.Dst.Addr())] = true
		}
	}
	paths := maps.Clone(f.Paths)
	for q, p := range f.Paths {
		leads := slices.ContainsFunc(own, func(dst netip.Prefix) bool { return dst.Contains(q.To) })
		if p.Dev != "" && !f.Tunnels[p.Dev] && !pinned[q.To] && !pinnedAll[routing.FamilyOf(q.To)] && !leads {
			continue
		}
		if r, ok := f.bestOfMain(s, q.To); ok {
			paths[q] = routing.Path{Dev: r.Dev, Via: r.Via, MTU: f.LinkMTUs[r.Dev].Of(q.To, r.MTU)}
		} else {
			delete(paths, q)
		}
	}
	f.Paths = paths
	return f
}

// about returns the facts with what follows from the links in a state.
func (f Facts) about(s State) Facts {
	f.Tunnels, f.serving = orderOf(s), serving(s)
	f.lent, f.links, f.vrfs, f.bases = lent(s, f.Tunnels), linksOf(s), vrfs(s), bases(s)
	return f
}

// bestOfMain returns the route of main to an address that leads through no
// tunnel and is not ours.
func (f Facts) bestOfMain(s State, to netip.Addr) (best routing.Route, ok bool) {
	for _, o := range s {
		r, isRoute := o.(routing.Route)
		if isRoute && r.Table == routing.TableMain && r.Type == routing.Unicast && !f.Tunnels[r.Dev] && !r.Mine() && r.Beats(best, to) {
			best, ok = r, true
		}
	}
	return best, ok
}

// PathQueries asks for the path to the peer and to its configured next hop, if
// anything depends on it: a route through that next hop, the settings of the
// device that ESP comes in by, or sizes.
func (t Tunnel) PathQueries() []PathQuery {
	if t.PolicyBased {
		return t.ways()
	}
	if !t.ComputesSizes() && !t.Scheme.InMain() && !(peerInside(t) && t.Peer.Is4() && !t.ByPeer) {
		return nil
	}
	var queries []PathQuery
	for _, a := range []netip.Addr{t.Peer, t.NextHop} {
		if a.IsValid() {
			queries = append(queries, PathQuery{a, t.Mark.Value})
		}
	}
	if t.ComputesSizes() && !t.Peer.IsValid() {
		queries = append(queries, t.far())
	}
	return queries
}

// hostInside reports whether the address of an end is in its own selectors.
func hostInside(e conn.End) bool {
	return len(e.Subnets) == 0 || slices.ContainsFunc(e.Subnets, func(s conn.Selector) bool { return s.Prefix.Contains(e.Host.Addr) })
}

// PathQueries asks for the paths to both ends of a conn and to their next
// hops, since which end is the peer is not known before the answer.
func PathQueries(c *conn.Conn, names Names) []PathQuery {
	c = Facts{Names: names}.named(c)
	if c.Link() == "" {
		return waysOf(c)
	}
	m, _ := mark(c)
	var queries []PathQuery
	for _, e := range []conn.End{c.Left, c.Right} {
		if !scheme(c.Scheme).InMain() && !hostInside(e) && !computesSizes(c) {
			continue
		}
		if e.Host.Kind == conn.HostAddr {
			queries = append(queries, PathQuery{e.Host.Addr, m.Value})
		}
		if e.NextHop.Kind == conn.NextHopAddr {
			queries = append(queries, PathQuery{e.NextHop.Addr, m.Value})
		}
	}
	return append(queries, somewhere(c)...)
}
