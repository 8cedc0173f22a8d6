package plan

import (
	"slices"

	"github.com/ipsecif/ipsecif/routing"
)

// shield returns the operations that put guards below routes that the kernel
// takes away for a moment, because the last address of their link goes: until
// they are there again nothing for their tunnels leaves in the clear, also of
// tunnels that keep no guard. A default route has none: where the LAN comes
// after it, that would be cut off.
func shield(again []Op, have State) []Op {
	var shields []Op
	for _, op := range again {
		r, ok := op.Object.(routing.Route)
		if !ok || op.Verb != Add || r.Type != routing.Unicast || r.Dst.Bits() == 0 {
			continue
		}
		guard := Op{Add, r.Guard()}
		if have[guard.Object.Key()] == nil && !slices.Contains(shields, guard) {
			shields = append(shields, guard)
		}
	}
	return shields
}

// undone returns the operations that delete what others have made, the last
// one first.
func undone(makes []Op) []Op {
	var ops []Op
	for _, op := range slices.Backward(makes) {
		ops = append(ops, Op{Del, op.Object})
	}
	return ops
}
