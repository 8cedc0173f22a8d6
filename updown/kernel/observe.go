package kernel

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Observe reads the state of the network namespace: all links, addresses, rules
// and proxy neighbours, the routes of main and of the tables asked for, our own routes of any
// table, and the facts asked for; of other namespaces asked for all links and
// addresses, and the routes of main; or only what the query limits it to.
func (k *Kernel) Observe(q plan.Query) (plan.Observation, error) {
	if q.Near != nil {
		return k.near(q)
	}
	o := plan.Observation{State: plan.State{}}
	links, err := k.links(o.State)
	if err != nil {
		return o, err
	}
	each := func(a xfrmi.Addr) {
		o.State.Put(a)
		o.Facts.Locals.Addrs = append(o.Facts.Locals.Addrs, conn.LocalAddr{Dev: a.Link, Addr: a.Prefix.Addr()})
	}
	if err := k.addrs(0, links, each); err != nil {
		return o, err
	}
	tables := append(append([]routing.Table{routing.TableMain}, q.Tables...), tablesOf(o.State, q.VRFs)...)
	if err := k.routes(o.State, tables, links); err != nil {
		return o, err
	}
	if err := k.rules(o.State); err != nil {
		return o, err
	}
	if err := k.proxies(o.State, links); err != nil {
		return o, err
	}
	o.Facts.Locals.DefaultRoutes = defaultRoutes(o.State)
	if o.Facts.Paths, err = k.paths(q.Paths, links); err != nil {
		return o, fmt.Errorf("asking for routes: %w", err)
	}
	settings := map[string]bool{}
	for _, p := range o.Facts.Paths {
		settings[p.Dev] = true
	}
	for _, l := range q.Settings {
		settings[l] = true
	}
	for _, index := range q.Indexes {
		settings[links.names[index]] = true
	}
	for l := range links.under {
		settings[l] = true
	}
	if err := k.others(&o, q, nil); err != nil {
		return o, err
	}
	if err := k.settings(&o, links, settings); err != nil {
		return o, err
	}
	return o, k.namespaces(&o, q.Netns)
}

// others adds what is asked for of SAs, nftables and counters.
func (k *Kernel) others(o *plan.Observation, q plan.Query, ends []plan.Ends) error {
	if err := k.filters(o, q); err != nil {
		return err
	}
	if q.Counters {
		if err := k.counters(&o.Counters, q.Netns); err != nil {
			return err
		}
	}
	return k.sas(&o.Facts, q.SAs, ends)
}

// tablesOf returns the tables of those of some VRFs that there are.
func tablesOf(s plan.State, vrfs []string) []routing.Table {
	var tables []routing.Table
	for _, name := range vrfs {
		if l, ok := s[xfrmi.Link{Name: name}.Key()].(xfrmi.Link); ok && l.Table != 0 {
			tables = append(tables, routing.Table(l.Table))
		}
	}
	return tables
}

// settings adds the settings of some links, and those of the host, and to the
// paths what follows from their links.
func (k *Kernel) settings(o *plan.Observation, links *linkTable, of map[string]bool) error {
	o.Facts.LinkMTUs, o.Facts.PointToPoint, o.Facts.Ethernet = links.mtus, links.ptp, links.ethernet()
	for q, p := range o.Facts.Paths {
		p.MTU = links.mtus[p.Dev].Of(q.To, p.MTU)
		o.Facts.Paths[q] = p
	}
	o.Facts.ReflectsMark = reflectsMark()
	o.Facts.NoIPv6 = !hasIPv6()
	o.Facts.Indexes = make(map[string]uint32, len(links.names))
	for index, name := range links.names {
		o.Facts.Indexes[name] = index
	}
	var err error
	o.Facts.RPFilter, err = links.settings(o.State, slices.Sorted(maps.Keys(of)))
	if err != nil {
		return fmt.Errorf("is /proc mounted? %w", err)
	}
	return nil
}

// defaultRoutes returns the default routes of main that are not ours, best
// first.
func defaultRoutes(s plan.State) []conn.DefaultRoute {
	var routes []routing.Route
	for _, o := range s {
		r, ok := o.(routing.Route)
		if ok && r.Table == routing.TableMain && r.Dst.Bits() == 0 && r.Type == routing.Unicast && !r.Mine() {
			routes = append(routes, r)
		}
	}
	slices.SortFunc(routes, func(a, b routing.Route) int { return int(int64(a.Metric) - int64(b.Metric)) })
	var defaults []conn.DefaultRoute
	for _, r := range routes {
		family := conn.IPv4
		if r.Dst.Addr().Is6() {
			family = conn.IPv6
		}
		defaults = append(defaults, conn.DefaultRoute{Dev: r.Dev, Gateway: r.Via, Source: r.Src, Family: family})
	}
	return defaults
}
