package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Apply does the operations in their order. Those that do not depend on each
// other go to the kernel together: a system call has either the new links with
// their attributes, so that no crash can leave a link of ours without our mark,
// or operations of one sort. Trace is called with each operation that was done,
// and with the one that failed, after its system call. When one fails, nothing is
// begun that comes after that; the error is a *plan.OpError, which says what was
// done until then.
func (k *Kernel) Apply(ops []plan.Op, trace func(plan.Op)) error {
	defer k.leave()
	k.indices = map[string]uint32{}
	var done []plan.Op
	for len(ops) > 0 {
		netns, inner := sameNetns(ops)
		wrap := func(op plan.Op) plan.Op { return plan.Op{Verb: op.Verb, Object: plan.Inside(netns, op.Object)} }
		within, err := k.enter(netns)
		if err != nil {
			return explain(ops[0], err, done)
		}
		did, failed, err := within.apply(inner, func(op plan.Op) { trace(wrap(op)) })
		for _, op := range did {
			done = append(done, wrap(op))
		}
		if err != nil {
			return explain(wrap(failed), err, done)
		}
		ops = ops[len(inner):]
	}
	return nil
}

// sameNetns returns the first operations that are in one network namespace, as
// they are there.
func sameNetns(ops []plan.Op) (netns string, inner []plan.Op) {
	for _, op := range ops {
		where, o := plan.Where(op.Object)
		if len(inner) > 0 && where != netns {
			break
		}
		netns, inner = where, append(inner, plan.Op{Verb: op.Verb, Object: o})
	}
	return netns, inner
}

// apply is Apply in the Kernel's own network namespace. It returns what was done
// and, with an error, what failed.
func (k *Kernel) apply(ops []plan.Op, trace func(plan.Op)) (done []plan.Op, failed plan.Op, err error) {
	for len(ops) > 0 {
		n := together(ops)
		for i, opErr := range k.do(ops[:n]) {
			switch {
			case opErr == nil:
				done = append(done, ops[i])
			case err == nil && opErr != errNotBegun:
				failed, err = ops[i], opErr
			default:
				continue
			}
			trace(ops[i])
		}
		if err != nil {
			return done, failed, err
		}
		ops = ops[n:]
	}
	return done, failed, nil
}

// maxTogether bounds the messages of one system call: they have to fit into the
// send buffer of the socket, and others want to change the network, too.
const maxTogether = 256

// together returns how many of the first operations go in one system call, or in
// the few that delete links together. The attributes of a new link are never cut
// off from it.
func together(ops []plan.Op) int {
	n := 1
	for n < len(ops) && sameSort(ops[0], ops[n]) {
		_, isAttr := ops[n].Object.(xfrmi.Attr)
		if n >= maxTogether && !isAttr && !isLinkDeletion(ops[0]) {
			break
		}
		n++
	}
	return n
}

func isLinkDeletion(op plan.Op) bool {
	_, isLink := op.Object.(xfrmi.Link)
	return isLink && op.Verb == plan.Del
}

// sameSort reports whether neither of two operations relies on the success of
// the other. An attribute relies on its link, but finds none when that fails.
func sameSort(a, b plan.Op) bool {
	switch x := a.Object.(type) {
	case xfrmi.Link:
		_, isLink := b.Object.(xfrmi.Link)
		_, isAttr := b.Object.(xfrmi.Attr)
		return isLink && a.Verb == b.Verb || isAttr && a.Verb == plan.Add
	case xfrmi.Addr:
		_, ok := b.Object.(xfrmi.Addr)
		return ok && a.Verb == b.Verb
	case routing.Route:
		y, ok := b.Object.(routing.Route)
		return ok && a.Verb == b.Verb && x.Type == y.Type
	case xfrmi.Clamp:
		_, ok := b.Object.(xfrmi.Clamp)
		return ok && a.Verb == b.Verb
	case firewall.Object: // all in one transaction
		_, ok := b.Object.(firewall.Object)
		return ok && (a.Verb == plan.Del) == (b.Verb == plan.Del)
	case routing.Neigh:
		_, ok := b.Object.(routing.Neigh)
		return ok && a.Verb == b.Verb
	case routing.Rule:
		y, ok := b.Object.(routing.Rule)
		return ok && a.Verb == b.Verb && x.Priority == y.Priority
	}
	return false
}

// do applies operations of one sort and returns the error of each.
func (k *Kernel) do(ops []plan.Op) []error {
	errs := make([]error, len(ops))
	_, isSysctl := ops[0].Object.(routing.Sysctl)
	if k.netns.name != "" && (isSysctl || isFilter(ops[0])) {
		errs[0] = fmt.Errorf("%w in another network namespace", errors.ErrUnsupported)
		return k.notBegun(errs)
	}
	if s, ok := ops[0].Object.(routing.Sysctl); ok {
		errs[0] = writeSysctl(s)
		return errs
	}
	if isFilter(ops[0]) {
		return k.filter(ops)
	}
	if isLinkDeletion(ops[0]) && len(ops) >= groupAtLeast {
		return k.deleteGroup(ops)
	}
	reqs := make([]*nl.NetlinkRequest, len(ops))
	for i, op := range ops {
		if reqs[i], errs[i] = k.requestFor(op); errs[i] != nil {
			return k.notBegun(errs)
		}
	}
	return k.batch(reqs)
}

// errNotBegun stands for operations of a system call that was not made.
var errNotBegun = errors.New("not begun")

// notBegun returns the errors of operations of which one has no message, so
// that none was sent.
func (k *Kernel) notBegun(errs []error) []error {
	first := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	for i := range errs {
		if i != first {
			errs[i] = errNotBegun
		}
	}
	return errs
}

// requestFor returns the message for one operation.
func (k *Kernel) requestFor(op plan.Op) (*nl.NetlinkRequest, error) {
	switch o := op.Object.(type) {
	case xfrmi.Link, xfrmi.Attr:
		return k.linkRequest(op)
	case xfrmi.Addr:
		return k.addrRequest(op, o)
	case routing.Route:
		return k.routeRequest(op, o)
	case routing.Rule:
		return k.ruleRequest(op, o), nil
	case routing.Neigh:
		return k.neighRequest(op, o)
	}
	return nil, unknownObject(op)
}

// changeRequest returns the message for a verb, still without what it is about.
// Of an object, newType is the type of the message that makes it; that which
// deletes it has the next number (linux/rtnetlink.h).
func changeRequest(v plan.Verb, newType int) *nl.NetlinkRequest {
	if v == plan.Del {
		return nl.NewNetlinkRequest(newType+1, unix.NLM_F_ACK)
	}
	return nl.NewNetlinkRequest(newType, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
}

func unknownObject(op plan.Op) error {
	return fmt.Errorf("%T is not an object of the kernel", op.Object)
}

// explain adds what an error number alone does not tell.
func explain(op plan.Op, err error, done []plan.Op) error {
	e := &plan.OpError{Op: op, Err: err, Done: done}
	_, o := plan.Where(op.Object)
	link, isLink := o.(xfrmi.Link)
	route, _ := o.(routing.Route)
	switch {
	case errors.Is(err, unix.EACCES) && strings.Contains(err.Error(), "IPv6 is disabled"):
		e.Hint = "see net.ipv6.conf.*.disable_ipv6"
	case isFirewall(op) && errors.Is(err, unix.EPERM):
		e.Hint = "this needs root (CAP_NET_ADMIN in the network namespace), and a table that no daemon has for itself (`nft list tables` shows the flag owner)"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		e.Hint = "this needs root (CAP_NET_ADMIN in the network namespace)"
	case link.External && op.Verb == plan.Add && errors.Is(err, unix.EINVAL),
		route.Encap.Set() && op.Verb != plan.Del && lacksEncap(route, err):
		e.Hint = "ipsec-interface=external needs Linux 6.1 with CONFIG_LWTUNNEL; use a number instead"
	case isLink && op.Verb == plan.Add && link.Kind == xfrmi.Kind && errors.Is(err, unix.EOPNOTSUPP):
		e.Hint = "the running kernel has no xfrm interfaces; they need Linux 4.19 with CONFIG_XFRM_INTERFACE (modprobe xfrm_interface)"
	case link.IsVTI() && op.Verb == plan.Add && errors.Is(err, unix.EOPNOTSUPP):
		e.Hint = "the running kernel has no VTI devices; they need CONFIG_NET_IPVTI, for IPv6 CONFIG_IPV6_VTI (modprobe ip_vti, ip6_vti)"
	case link.IsVTI() && op.Verb == plan.Add && errors.Is(err, unix.EEXIST):
		e.Hint = "a device with this name or another VTI device with these addresses exists"
	case isLink && op.Verb == plan.Add && errors.Is(err, unix.EEXIST):
		e.Hint = "a device with this name or this if_id exists; one that was moved to another network namespace keeps its if_id here"
		if link.External {
			e.Hint = "a device with this name or another external xfrm interface exists; one that was moved to another network namespace keeps its place here"
		}
	case isFirewall(op) && op.Verb == plan.Add && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT)):
		e.Hint = "the running kernel has no nftables that can do this; nflog-group= needs CONFIG_NFT_LOG, leftcat= Linux 5.2 with CONFIG_NFT_NAT"
	case isFilter(op) && op.Verb == plan.Add && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT)):
		e.Hint = "the running kernel has no nftables that can do this; mss= needs Linux 4.14 with CONFIG_NF_TABLES_INET (modprobe nf_tables)"
	}
	return e
}

// lacksEncap reports whether a kernel refuses a route because it does not know
// encap xfrm: before Linux 6.1 with EINVAL, which a source that is not local
// gets as well, but without a word about encapsulation; without CONFIG_LWTUNNEL
// with EOPNOTSUPP.
func lacksEncap(r routing.Route, err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) ||
		errors.Is(err, unix.EINVAL) && (!r.Src.IsValid() || strings.Contains(err.Error(), "encapsulation"))
}
