package plan

import (
	"cmp"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// Ranks of objects, in the order of making. What lets ESP and IKE escape comes
// before what attracts traffic, so that there is no moment in which encrypted
// packets loop. The order of deleting is about the reverse, see unmaking.
const (
	rankLink = iota
	rankAddr
	rankSysctl
	rankFilter // what nftables have
	rankEscape // guards, and routes to peers
	rankRule
	rankAttract // routes through an xfrm interface
	rankNeigh   // what calls packets here that those routes are for
)

// order compares objects by their place in the order of making. It holds the
// names of the xfrm interfaces, because only a route through one attracts.
type order map[string]bool

func orderOf(states ...State) order {
	r := make(order)
	for _, s := range states {
		for _, o := range s {
			if l, ok := o.(xfrmi.Link); ok && l.IsTunnel() {
				r[l.Name] = true
			}
		}
	}
	return r
}

func (r order) rank(o Object) int {
	switch o := o.(type) {
	case xfrmi.Link, xfrmi.Attr:
		return rankLink
	case xfrmi.Addr:
		return rankAddr
	case routing.Sysctl:
		return rankSysctl
	case xfrmi.ClampTable, xfrmi.ClampChain, xfrmi.Clamp:
		return rankFilter
	case routing.Rule:
		return rankRule
	case routing.Neigh:
		return rankNeigh
	case routing.Route:
		if o.Type == routing.Unicast && r[o.Dev] {
			return rankAttract
		}
	case firewall.Object:
		return rankFilter
	}
	return rankEscape
}

// attrOrder has the attributes in the order in which they are set on a new
// link: the mark of ownership first, up last.
var attrOrder = []string{"", xfrmi.AttrAlias, xfrmi.AttrMaster, xfrmi.AttrAddrGen, xfrmi.AttrMTU, xfrmi.AttrMulticast, xfrmi.AttrState}

// place is where an object stands in the order of making.
type place struct {
	rank int
	link string // of a link or attribute
	n    int    // place on the link, or the priority of a rule
	key  string
}

func (r order) place(o Object) place {
	p := place{rank: r.rank(o), key: o.Key()}
	switch o := o.(type) {
	case xfrmi.Link:
		p.link = o.Name
	case xfrmi.Attr:
		p.link, p.n = o.Link, slices.Index(attrOrder, o.Name)
	case routing.Rule:
		p.n = int(o.Priority)
	case xfrmi.ClampChain:
		p.n = 1 // in the table, which is 0
	case xfrmi.Clamp:
		p.n = 2 // refers to its chain
	case firewall.Object:
		p.n, _ = firewallOrder(o)
	}
	return p
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(p.link, q.link), cmp.Compare(p.n, q.n), cmp.Compare(p.key, q.key))
}

// sorted returns items in the order of making of their objects, and items of
// one place as they come. The places are computed once for each, since a key
// costs more than a comparison.
func sorted[T any](r order, items []T, object func(T) Object) []T {
	type placed struct {
		place
		item T
	}
	all := make([]placed, len(items))
	for i, item := range items {
		all[i] = placed{r.place(object(item)), item}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.compare(b.place) })
	ordered := make([]T, len(items))
	for i, p := range all {
		ordered[i] = p.item
	}
	return ordered
}

// making returns operations in the order of making.
func (r order) making(ops []Op) []Op {
	return sorted(r, ops, func(op Op) Object { return op.Object })
}

// unmaking returns operations in the reverse order, but for links: the routes
// of one die with it, so it goes right after those of others, while ESP and IKE
// still escape.
func (r order) unmaking(ops []Op) []Op {
	ops = r.making(ops)
	slices.Reverse(ops)
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(r.leaving(a), r.leaving(b)) })
	return ops
}

// leaving is the part of a removal in which an operation is done.
func (r order) leaving(op Op) int {
	_, isLink := op.Object.(xfrmi.Link)
	switch {
	case r.rank(op.Object) >= rankAttract:
		return 0
	case isLink:
		return 1
	}
	return 2
}
