package daemon

import (
	"fmt"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// What goes with a link, its state or its addresses is not what somebody has
// taken away: the kernel has. So a repair has a cause on each link, and what
// follows from it is neither told nor counted.

// rank tells what takes along what on the same link: the smaller one the greater
// ones.
func rank(o plan.Object) int {
	switch o := o.(type) {
	case xfrmi.Link:
		return 0
	case xfrmi.Attr:
		if o.Name == xfrmi.AttrState {
			return 1
		}
	case xfrmi.Addr:
		return 2
	}
	return 3
}

// linkOf returns the link that an object is, or is on, with its network
// namespace; "" for none.
func linkOf(o plan.Object) (link string, inner plan.Object) {
	netns, inner := plan.Where(o)
	name := plan.LinkOf(inner)
	if l, ok := inner.(xfrmi.Link); ok {
		name = l.Name
	}
	if name == "" {
		return "", inner
	}
	return netns + " " + name, inner
}

// causes returns the repairs that do not follow from others.
func causes(repaired []updown.Repaired) (found []updown.Repaired) {
	first := map[string]int{} // the smallest rank, by link
	for _, r := range repaired {
		link, inner := linkOf(r.Op.Object)
		if was, ok := first[link]; !ok || rank(inner) < was {
			first[link] = rank(inner)
		}
	}
	for _, r := range repaired {
		if link, inner := linkOf(r.Op.Object); link == "" || rank(inner) == first[link] {
			found = append(found, r)
		}
	}
	return found
}

// fewLines is how many repairs of one look are told each.
const fewLines = 5

func (l *Loop) tellRepairs(repaired []updown.Repaired) {
	for i, r := range repaired {
		if i == fewLines {
			l.Log(Message{Priority: Notice, Text: fmt.Sprintf("repaired or changed %s more", plural(len(repaired)-i, "object"))})
			return
		}
		what := "repaired: "
		if !r.Drift {
			what = "changed: " // what is wanted is another than before
		}
		l.Log(about(r, Notice, what+r.Op.String()))
	}
}

// about returns a message about a repair.
func about(r updown.Repaired, p Priority, text string) Message {
	m := Message{Priority: p, Text: text, Op: r.Op.String()}
	if len(r.Conns) == 1 {
		m.Conn = r.Conns[0]
	}
	if link, ok := r.Op.Object.(xfrmi.Link); ok {
		m.IfID = uint32(link.IfID)
	}
	return m
}
