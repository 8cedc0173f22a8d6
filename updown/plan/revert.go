package plan

import (
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Revert returns the operations that undo what some of ops have done: for the
// objects of ops, and all that lives on their links, from the state now back to
// the state before. Whatever else has changed in the meantime is not ours to
// undo.
func Revert(before, now State, ops []Op) []Op {
	keys, links := touched(ops)
	concerns := func(o Object) bool { return keys[o.Key()] || links[linkOf(o)] }
	r := orderOf(before, now)
	var makes, unmakes []Op
	for key, o := range now {
		was := before[key]
		_, isLink := o.(xfrmi.Link)
		if concerns(o) && !isSetting(o) && (was == nil || isLink && was != o) {
			unmakes = append(unmakes, Op{Del, o})
		}
	}
	unmakes = r.unmaking(unmakes)
	now = after(now, unmakes)
	for key, o := range before {
		is := now[key]
		switch {
		case !concerns(o) || is == o || comesByItself(o):
		case isSetting(o):
			makes = append(makes, Op{Set, o})
		case is == nil:
			makes = append(makes, Op{Add, o})
		default:
			makes = append(makes, Op{Replace, o})
		}
	}
	return append(prune(unmakes), r.making(makes)...)
}

// comesByItself reports whether the kernel makes an object together with
// another: the route to the net of an address.
func comesByItself(o Object) bool {
	r, ok := o.(routing.Route)
	return ok && r.Type == routing.Unicast && r.Protocol == routing.ProtocolKernel
}

func touched(ops []Op) (keys, links map[string]bool) {
	keys, links = map[string]bool{}, map[string]bool{}
	for _, op := range ops {
		keys[op.Object.Key()] = true
		switch o := op.Object.(type) {
		case xfrmi.Link:
			links[o.Name] = true
		case xfrmi.Addr:
			links[o.Link] = true
		}
	}
	return keys, links
}

// prune leaves out deletions of what dies with its link anyway.
func prune(unmakes []Op) []Op {
	dying := map[string]bool{}
	for _, op := range unmakes {
		if l, ok := op.Object.(xfrmi.Link); ok {
			dying[l.Name] = true
		}
	}
	return slices.DeleteFunc(unmakes, func(op Op) bool { return dying[linkOf(op.Object)] })
}
