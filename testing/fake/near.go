package fake

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// near returns what a limited query may see of everything.
func (k *Kernel) near(q plan.Query) plan.Observation {
	all := q
	q.Tables = append(slices.Clone(q.Tables), k.tablesOf(q.VRFs)...)
	all.Tables = slices.Concat(q.Tables, q.Near.Guards)
	for _, obj := range k.State {
		if r, ok := obj.(routing.Route); ok && r.Table != routing.TableLocal && slices.Contains(q.Near.Links, r.Dev) {
			all.Tables = append(all.Tables, r.Table)
		}
	}
	o := k.everything(all)
	routed := plan.State{}
	for _, n := range q.Near.Dsts {
		if r, ok := k.Lookup(Packet{To: n.Addr()}); ok && r.Dst == n {
			o.Facts.Routed = append(o.Facts.Routed, n)
			if slices.Contains(q.Near.Shared, r.Dev) || r.Table == routing.TableMain && slices.Contains(q.Near.Nets, n) {
				routed.Put(k.beside(r))
			}
		}
	}
	if q.Near.Ends != nil {
		for id, list := range o.Facts.SAs {
			o.Facts.SAs[id] = slices.DeleteFunc(list, func(sa plan.SA) bool {
				return !slices.Contains(q.Near.Ends, plan.Ends{sa.Src, sa.Dst}) && !slices.Contains(q.Near.Ends, plan.Ends{sa.Dst, sa.Src})
			})
		}
	}
	o.Facts.Locals = conn.Locals{Addrs: k.locals(q.Near.Addrs)}
	links := slices.Concat(q.Near.Links, q.Near.Shared, q.Settings, q.VRFs)
	nets := k.neighbours(&o, q.Near)
	links = append(links, nets.links...)
	for _, p := range o.Facts.Paths {
		links = append(links, p.Dev)
	}
	for _, l := range o.Facts.Locals.Addrs {
		links = append(links, l.Dev)
	}
	for name, index := range k.indexes {
		if slices.Contains(q.Indexes, index) {
			links = append(links, name)
		}
	}
	for key, obj := range o.State {
		if !seen(obj, q, links) {
			delete(o.State, key)
		}
	}
	maps.Copy(o.State, routed)
	maps.Copy(o.State, nets.seen)
	for key, obj := range o.State {
		if r, ok := obj.(routing.Route); ok && r.Behind && o.State[r.Front()] == nil {
			delete(o.State, key)
			r.Behind = false // nothing seen tells that it is
			o.State.Put(r)
		}
	}
	for link := range o.Facts.RPFilter.Links {
		if !slices.Contains(links, link) {
			delete(o.Facts.RPFilter.Links, link)
		}
	}
	return o
}

// seen reports whether a limited query shows an object; links are those whose
// settings it shows.
func seen(obj plan.Object, q plan.Query, links []string) bool {
	switch obj := obj.(type) {
	case xfrmi.Link:
		return slices.Contains(links, obj.Name)
	case xfrmi.Attr:
		return slices.Contains(links, obj.Link)
	case routing.Sysctl:
		return slices.Contains(links, obj.Link)
	case xfrmi.Addr:
		return slices.Contains(q.Near.Links, obj.Link) || slices.Contains(q.Near.Shared, obj.Link)
	case routing.Route:
		return slices.Contains(q.Near.Links, obj.Dev) || slices.Contains(q.Tables, obj.Table) ||
			obj.Type == routing.Unreachable && slices.Contains(q.Near.Guards, obj.Table)
	case routing.Neigh:
		return false // see neighbours
	}
	return true
}

// locals returns those of some addresses that are the host's, outside of VRFs.
func (k *Kernel) locals(addrs []netip.Addr) []conn.LocalAddr {
	var locals []conn.LocalAddr
	for _, a := range addrs {
		for _, obj := range k.State.Sorted() {
			addr, ok := obj.(xfrmi.Addr)
			if _, inVRF := k.vrfOf(addr.Link); ok && !inVRF && addr.Prefix.Addr() == a {
				locals = append(locals, conn.LocalAddr{Dev: addr.Link, Addr: a})
				break
			}
		}
	}
	return locals
}
