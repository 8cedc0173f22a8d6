package plan

import (
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// remakes returns the deletions of objects of ours that differ from the wanted
// ones in what is fixed at their creation: the if_id and link device of an xfrm
// interface, the length of an address. They are made anew.
func (d *differ) remakes(have State) []Op {
	var ops []Op
	remade := map[string]bool{}
	for key, o := range have {
		if l, ok := o.(xfrmi.Link); ok && d.differs(key, o) {
			remade[l.Name] = true
			ops = append(ops, Op{Del, o})
		}
	}
	for key, o := range have {
		// What is on a link goes with it.
		if a, ok := o.(xfrmi.Addr); ok && !remade[a.Link] && d.differs(key, o) {
			ops = append(ops, Op{Del, o})
		}
	}
	return ops
}

// differs reports whether an object of ours is in the place of a wanted one and
// cannot serve as that.
func (d *differ) differs(key string, o Object) bool {
	want := d.want.State[key]
	return want != nil && d.Managed.Owns(o) && d.Scope.has(o) && d.inScope(want) && d.ownedInScope(want) && !Same(want, o)
}

// remaking puts deletions right before what is made in their place, and moves
// before everything that is made on the moved links. What lives on neither sort
// of links comes first: the guards are there, and reached, while the routes are
// not.
func (d *differ) remaking(makes, remakes, moves []Op) []Op {
	deletions := map[string]Op{}
	remade := map[string]bool{}
	for _, op := range remakes {
		deletions[op.Object.Key()] = op
		if l, ok := op.Object.(xfrmi.Link); ok {
			remade[l.Name] = true
		}
	}
	for _, op := range moves {
		remade[LinkOf(op.Object)] = true
	}
	var guards, ops []Op
	for _, op := range makes {
		rank := d.order.rank(op.Object)
		route, _ := op.Object.(routing.Route) // one with a source may have to wait for its address, and is no guard
		if len(remade) > 0 && (rank == rankEscape || rank == rankRule) && !remade[LinkOf(op.Object)] && !route.Src.IsValid() {
			guards = append(guards, op)
			continue
		}
		if deletion, ok := deletions[op.Object.Key()]; ok {
			ops = append(ops, deletion)
		}
		ops = append(ops, op)
	}
	return slices.Concat(guards, moves, ops)
}
