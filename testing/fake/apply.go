package fake

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/sys/unix"
)

// Apply does the operations in their order and stops at the first that fails. It
// calls trace after each.
func (k *Kernel) Apply(ops []plan.Op, trace func(plan.Op)) error {
	for i, op := range ops {
		err := k.do(op)
		trace(op)
		if err != nil {
			return &plan.OpError{Op: op, Err: err, Done: ops[:i]}
		}
		if k.After != nil && !sameCall(op, ops[i+1:]) {
			k.After(op)
		}
	}
	return nil
}

// sameCall reports whether the next operation goes in the same system call.
func sameCall(op plan.Op, rest []plan.Op) bool {
	if len(rest) == 0 {
		return false
	}
	netns, this := plan.Where(op.Object)
	nextNetns, other := plan.Where(rest[0].Object)
	next, ok := other.(xfrmi.Attr)
	if netns != nextNetns {
		return false
	}
	switch o := this.(type) {
	case xfrmi.Link:
		return ok && op.Verb == plan.Add && o.Name == next.Link
	case xfrmi.Attr:
		return ok && o.Link == next.Link
	}
	return false
}

func (k *Kernel) do(op plan.Op) error {
	if k.FailAt > 0 {
		if k.FailAt--; k.FailAt == 0 {
			return unix.EIO
		}
	}
	if k.Unprivileged {
		return unix.EPERM
	}
	netns, inner := plan.Where(op.Object)
	if netns != "" {
		if k.spaces[netns] == nil {
			return unix.ENOENT
		}
		k, op.Object = k.spaces[netns], inner
	}
	return k.change(op)
}

// change does an operation in its network namespace.
func (k *Kernel) change(op plan.Op) error {
	op = k.aim(op)
	if err := k.refusal(op); err != nil {
		return err
	}
	slaves := k.slaves(op.Object)
	k.State.Effect(op)
	k.consequences(op)
	if op.Verb == plan.Del {
		for _, link := range slaves {
			k.connect(link)
		}
	}
	return nil
}

// aim returns the deletion of the route that Linux would delete: of several with
// one key the first that is alike.
func (k *Kernel) aim(op plan.Op) plan.Op {
	r, ok := op.Object.(routing.Route)
	if !ok || op.Verb != plan.Del {
		return op
	}
	behind := r
	behind.Behind = true
	if first, there := k.State[r.Key()].(routing.Route); there && first.Protocol != r.Protocol && k.State[behind.Key()] != nil {
		op.Object = behind
	}
	return op
}
