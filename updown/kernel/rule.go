package kernel

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// fibRuleInvert is FIB_RULE_INVERT of linux/fib_rules.h, "not".
const fibRuleInvert = 2

// rules adds the rules of both families to the state.
func (k *Kernel) rules(s plan.State) error {
	for _, family := range []routing.Family{routing.IPv4, routing.IPv6} {
		newRequest := func() *nl.NetlinkRequest {
			req := nl.NewNetlinkRequest(unix.RTM_GETRULE, unix.NLM_F_DUMP)
			req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}})
			return req
		}
		var found []routing.Rule
		err := k.dumps.dump("rules", unix.RTM_NEWRULE, newRequest, func() { found = nil }, func(msg []byte) { found = append(found, parseRule(msg)) })
		if err != nil {
			return err
		}
		for _, r := range found {
			s.Put(r)
		}
	}
	return nil
}

// parseRule reads a message whose header, fib_rule_hdr, has the shape of
// rtmsg: the type is the action.
func parseRule(msg []byte) routing.Rule {
	head := nl.DeserializeRtMsg(msg)
	a := attrs(msg[head.Len():])
	r := routing.Rule{
		Family:   routing.Family(head.Family),
		Priority: number(a[nl.FRA_PRIORITY]),
		Not:      head.Flags&fibRuleInvert != 0,
		Iif:      text(a[nl.FRA_IIFNAME]),
		Mark:     routing.Mark{Value: number(a[nl.FRA_FWMARK]), Mask: number(a[nl.FRA_FWMASK])},
		Action:   routing.Action(head.Type),
		Suppress: routing.NoSuppress,
		Other:    otherOfRule(head, a),
	}
	if src := a[nl.FRA_SRC]; src != nil {
		r.From = netip.PrefixFrom(address(src), int(head.Src_len))
	}
	if dst := a[nl.FRA_DST]; dst != nil {
		r.To = netip.PrefixFrom(address(dst), int(head.Dst_len))
	}
	if r.Action == routing.Lookup {
		r.Table = routing.Table(number(a[nl.FRA_TABLE]))
	}
	if n := a[nl.FRA_SUPPRESS_PREFIXLEN]; n != nil {
		r.Suppress = int(int32(number(n)))
	}
	if p := a[nl.FRA_PROTOCOL]; len(p) == 1 {
		r.Protocol = routing.Protocol(p[0])
	}
	return r
}

// ruleRequest sends every attribute of the rule, also to delete it: an absent
// one would match any.
func (k *Kernel) ruleRequest(op plan.Op, r routing.Rule) *nl.NetlinkRequest {
	req := changeRequest(op.Verb, unix.RTM_NEWRULE)
	head := nl.NewRtMsg()
	head.Family = uint8(r.Family)
	head.Type = uint8(r.Action)
	head.Table, head.Protocol, head.Scope = 0, 0, 0
	if r.Not {
		head.Flags = fibRuleInvert
	}
	if r.From.IsValid() {
		head.Src_len = uint8(r.From.Bits())
	}
	if r.To.IsValid() {
		head.Dst_len = uint8(r.To.Bits())
	}
	req.AddData(head)
	put := func(attr int, value []byte) { req.AddData(nl.NewRtAttr(attr, value)) }
	put(nl.FRA_PRIORITY, nl.Uint32Attr(r.Priority))
	put(nl.FRA_PROTOCOL, nl.Uint8Attr(uint8(r.Protocol)))
	if r.From.IsValid() {
		put(nl.FRA_SRC, r.From.Addr().AsSlice())
	}
	if r.To.IsValid() {
		put(nl.FRA_DST, r.To.Addr().AsSlice())
	}
	if r.Iif != "" {
		put(nl.FRA_IIFNAME, nl.ZeroTerminated(r.Iif))
	}
	if r.Mark.Set() {
		put(nl.FRA_FWMARK, nl.Uint32Attr(r.Mark.Value))
		put(nl.FRA_FWMASK, nl.Uint32Attr(r.Mark.Mask))
	}
	if r.Table != 0 {
		put(nl.FRA_TABLE, nl.Uint32Attr(uint32(r.Table)))
	}
	if r.Suppress >= 0 {
		put(nl.FRA_SUPPRESS_PREFIXLEN, nl.Uint32Attr(uint32(r.Suppress)))
	}
	return req
}
