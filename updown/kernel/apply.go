package kernel

import (
	"errors"
	"fmt"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Apply does the operations in their order and stops at the first that fails.
// The creation of a link and the attributes that follow go to the kernel in
// one system call, so that no crash can leave a link of ours without our mark.
// Before each operation trace is called. The error is a *plan.OpError.
func (k *Kernel) Apply(ops []plan.Op, trace func(plan.Op)) error {
	for len(ops) > 0 {
		n := group(ops)
		for _, op := range ops[:n] {
			trace(op)
		}
		if failed, err := k.do(ops[:n]); err != nil {
			return explain(ops[failed], err)
		}
		ops = ops[n:]
	}
	return nil
}

// group returns how many of the first operations belong in one system call: a
// new link with its attributes, else one.
func group(ops []plan.Op) int {
	link, ok := ops[0].Object.(xfrmi.Link)
	if !ok || ops[0].Verb != plan.Add {
		return 1
	}
	n := 1
	for n < len(ops) {
		a, ok := ops[n].Object.(xfrmi.Attr)
		if !ok || a.Link != link.Name {
			break
		}
		n++
	}
	return n
}

// do applies one group and returns the index of the operation that failed.
func (k *Kernel) do(ops []plan.Op) (int, error) {
	if s, ok := ops[0].Object.(routing.Sysctl); ok {
		return 0, writeSysctl(s)
	}
	var index int32
	if len(ops) > 1 {
		var err error
		if index, err = unusedIndex(); err != nil {
			return 0, err
		}
	}
	reqs := make([]*nl.NetlinkRequest, len(ops))
	for i, op := range ops {
		req, err := k.requestFor(op, index)
		if err != nil {
			return i, err
		}
		reqs[i] = req
	}
	if len(reqs) == 1 {
		_, err := reqs[0].Execute(unix.NETLINK_ROUTE, 0)
		return 0, err
	}
	return k.batch(reqs)
}

// requestFor returns the message for one operation; index is that of a link to
// be made and of its attributes, or 0.
func (k *Kernel) requestFor(op plan.Op, index int32) (*nl.NetlinkRequest, error) {
	switch o := op.Object.(type) {
	case xfrmi.Link, xfrmi.Attr:
		return k.linkRequest(op, index)
	case xfrmi.Addr:
		return k.addrRequest(op, o)
	case routing.Route:
		return k.routeRequest(op, o)
	case routing.Rule:
		return k.ruleRequest(op, o), nil
	}
	return nil, unknownObject(op)
}

func unknownObject(op plan.Op) error {
	return fmt.Errorf("%T is not an object of the kernel", op.Object)
}

// explain adds what an error number alone does not tell.
func explain(op plan.Op, err error) error {
	e := &plan.OpError{Op: op, Err: err}
	link, isLink := op.Object.(xfrmi.Link)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		e.Hint = "this needs root (CAP_NET_ADMIN in the network namespace)"
	case isLink && op.Verb == plan.Add && link.Kind == xfrmi.Kind && errors.Is(err, unix.EOPNOTSUPP):
		e.Hint = "the running kernel has no xfrm interfaces; they need Linux 4.19 with CONFIG_XFRM_INTERFACE (modprobe xfrm_interface)"
	case isLink && op.Verb == plan.Add && errors.Is(err, unix.EEXIST):
		e.Hint = "a device with this name or this if_id exists"
	}
	return e
}
