package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// groupAtLeast is from how many links on they are deleted as a group. One by
// one, each waits for a grace period of RCU (about 20 ms).
const groupAtLeast = 4

// lowestGroup is where the scratch groups begin. Group 0 has every link that
// nobody has put elsewhere; administrators use small numbers.
const lowestGroup = 1 << 16

// deleteGroup deletes links by moving them into a group that nobody uses, which
// the kernel then deletes at once (RTM_DELLINK with IFLA_GROUP). When a link
// cannot be moved, none is deleted.
func (k *Kernel) deleteGroup(ops []plan.Op) []error {
	group := lowestGroup + rand.Uint32N(math.MaxInt32-lowestGroup)
	errs := k.regroup(ops, group)
	fail := func(err error) []error {
		k.regroup(ops, 0)
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
		return errs
	}
	for _, err := range errs {
		if err != nil {
			return fail(errNotBegun)
		}
	}
	members, err := k.members(group)
	if err == nil && members != len(ops) {
		err = fmt.Errorf("device group %d, chosen to delete %d links at once, has %d", group, len(ops), members)
	}
	if err != nil {
		return fail(err)
	}
	req := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
	if err := k.batch([]*nl.NetlinkRequest{req})[0]; err != nil {
		return fail(err)
	}
	return errs
}

// regroup moves links into a group and returns the error of each.
func (k *Kernel) regroup(ops []plan.Op, group uint32) []error {
	reqs := make([]*nl.NetlinkRequest, len(ops))
	for i, op := range ops {
		req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(op.Object.(xfrmi.Link).Name)))
		req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
		reqs[i] = req
	}
	var errs []error
	for chunk := range slices.Chunk(reqs, maxTogether) {
		errs = append(errs, k.batch(chunk)...)
	}
	return errs
}

// members counts the links of a group.
func (k *Kernel) members(group uint32) (n int, err error) {
	newRequest := func() *nl.NetlinkRequest { return linksRequest(k, unix.NLM_F_DUMP) }
	err = k.dumps.dump("links", unix.RTM_NEWLINK, newRequest, func() { n = 0 }, func(msg []byte) {
		if number(attrs(msg[unix.SizeofIfInfomsg:])[unix.IFLA_GROUP]) == group {
			n++
		}
	})
	return n, err
}
