package fake

import (
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/sys/unix"
)

// isFilter reports whether an object is one of nftables.
func isFilter(o plan.Object) bool {
	switch o.(type) {
	case xfrmi.ClampTable, xfrmi.ClampChain, xfrmi.Clamp:
		return true
	}
	return false
}

// refuseFilter returns the error with which nftables refuses an operation.
func (k *Kernel) refuseFilter(op plan.Op, have plan.Object) error {
	if _, isTable := op.Object.(xfrmi.ClampTable); isTable && op.Verb == plan.Add {
		if have != nil {
			return unix.EEXIST
		}
		return nil
	}
	if k.State[xfrmi.ClampTable{}.Key()] == nil || have == nil && op.Verb != plan.Add {
		return unix.ENOENT
	}
	switch o := op.Object.(type) {
	case xfrmi.ClampChain:
		if op.Verb == plan.Del && k.isJumpedTo(o) {
			return unix.EBUSY
		}
	case xfrmi.Clamp:
		if op.Verb == plan.Del {
			return nil
		}
		if k.State[xfrmi.ClampChain{MSS: o.MSS}.Key()] == nil {
			return unix.ENOENT
		}
		if have != nil && op.Verb == plan.Add && have != op.Object {
			return unix.EEXIST
		}
	}
	return nil
}

func (k *Kernel) isJumpedTo(chain xfrmi.ClampChain) bool {
	for _, o := range k.State {
		if c, ok := o.(xfrmi.Clamp); ok && c.MSS == chain.MSS {
			return true
		}
	}
	return false
}
