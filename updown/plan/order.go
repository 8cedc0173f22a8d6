package plan

import (
	"cmp"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Ranks of objects, in the order of making. What lets ESP and IKE escape comes
// before what attracts traffic, so that there is no moment in which encrypted
// packets loop. The order of deleting is the reverse.
const (
	rankLink = iota
	rankAddr
	rankSysctl
	rankEscape // guards, throws, and routes to peers
	rankRule
	rankAttract // routes through an xfrm interface
)

// order compares objects by their place in the order of making. It holds the
// names of the xfrm interfaces, because only a route through one attracts.
type order map[string]bool

func orderOf(states ...State) order {
	r := make(order)
	for _, s := range states {
		for _, o := range s {
			if l, ok := o.(xfrmi.Link); ok && l.Kind == xfrmi.Kind {
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
	case routing.Rule:
		return rankRule
	case routing.Route:
		if o.Type == routing.Unicast && r[o.Dev] {
			return rankAttract
		}
	}
	return rankEscape
}

// attrOrder has the attributes in the order in which they are set on a new
// link: the mark of ownership first, up last.
var attrOrder = []string{"", xfrmi.AttrAlias, xfrmi.AttrAddrGen, xfrmi.AttrMTU, xfrmi.AttrState}

// place returns the link of a link or attribute, its place on the link, and
// the priority of a rule.
func place(o Object) (link string, n int) {
	switch o := o.(type) {
	case xfrmi.Link:
		return o.Name, 0
	case xfrmi.Attr:
		return o.Link, slices.Index(attrOrder, o.Name)
	case routing.Rule:
		return "", int(o.Priority)
	}
	return "", 0
}

func (r order) compare(a, b Object) int {
	linkA, nA := place(a)
	linkB, nB := place(b)
	return cmp.Or(
		cmp.Compare(r.rank(a), r.rank(b)),
		cmp.Compare(linkA, linkB),
		cmp.Compare(nA, nB),
		cmp.Compare(a.Key(), b.Key()),
	)
}
