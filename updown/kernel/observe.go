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

// Observe reads the state of the network namespace: all links, addresses and
// rules, the routes of main and of the tables asked for, our own routes of any
// table, and the facts asked for.
func (k *Kernel) Observe(q plan.Query) (plan.Observation, error) {
	o := plan.Observation{State: plan.State{}}
	names, err := k.links(o.State)
	if err != nil {
		return o, err
	}
	if err := k.addrs(o.State, &o.Facts.Locals, names); err != nil {
		return o, err
	}
	tables := append([]routing.Table{routing.TableMain}, q.Tables...)
	if err := k.routes(o.State, tables, names); err != nil {
		return o, err
	}
	if err := k.rules(o.State); err != nil {
		return o, err
	}
	o.Facts.Locals.DefaultRoutes = defaultRoutes(o.State)
	o.Facts.Paths = map[plan.PathQuery]routing.Path{}
	sysctlLinks := map[string]bool{}
	for _, pq := range q.Paths {
		p := k.path(pq, names)
		o.Facts.Paths[pq] = p
		if p.Dev != "" {
			sysctlLinks[p.Dev] = true
		}
	}
	for _, l := range q.Settings {
		sysctlLinks[l] = true
	}
	for _, obj := range o.State {
		if l, ok := obj.(xfrmi.Link); ok && l.Kind == xfrmi.Kind {
			sysctlLinks[l.Name] = true
		}
	}
	o.Facts.ReflectsMark = reflectsMark()
	o.Facts.NoIPv6 = !hasIPv6()
	links := slices.Sorted(maps.Keys(sysctlLinks))
	promotes(o.State, links)
	o.Facts.RPFilter, err = rpFilter(o.State, links)
	if err != nil {
		return o, fmt.Errorf("is /proc mounted? %w", err)
	}
	return o, nil
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
