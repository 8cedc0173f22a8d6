package fake

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/sys/unix"
)

func (k *Kernel) refuseLink(op plan.Op, l xfrmi.Link, have plan.Object) error {
	if op.Verb == plan.Del {
		if have == nil {
			return unix.ENODEV
		}
		return nil
	}
	if have != nil {
		return unix.EEXIST
	}
	if !l.IsTunnel() {
		return nil
	}
	if k.NoXfrm {
		return unix.EOPNOTSUPP
	}
	if l.Kind == xfrmi.Kind && l.IfID == 0 && !l.External {
		return unix.EINVAL
	}
	if k.hasSlot(l) {
		return unix.EEXIST
	}
	return nil
}

func (k *Kernel) newLink(l xfrmi.Link) {
	k.last++
	k.indexes[l.Name] = k.last
	// The alias is what makes a link ours, and a new one has none.
	l.Mine = false
	if k.NoExternal {
		l = l.Degraded()
	}
	k.State.Put(l)
	if l.IsTunnel() {
		k.State.Put(xfrmi.Attr{Link: l.Name, Name: xfrmi.AttrState, Value: "down"})
		k.State.Put(xfrmi.Attr{Link: l.Name, Name: xfrmi.AttrAlias})
		k.State.Put(xfrmi.Attr{Link: l.Name, Name: xfrmi.AttrMaster})
		k.State.Put(xfrmi.Attr{Link: l.Name, Name: xfrmi.AttrMulticast, Value: "off"})
		k.State.Put(xfrmi.Attr{Link: l.Name, Name: xfrmi.AttrMTU, Value: "1500"})
		k.State.Put(xfrmi.Attr{Link: l.Name, Name: xfrmi.AttrAddrGen, Value: "eui64"})
	}
	rp, _ := k.State[sysctl("default", 0).Key()].(routing.Sysctl)
	k.State.Put(sysctl(l.Name, rp.Value))
	if answersARP(l) {
		k.State.Put(routing.Sysctl{Link: l.Name, Name: routing.SysctlProxyNDP, IPv6: true})
	}
	if l.IsVTI() {
		k.State.Put(routing.Sysctl{Link: l.Name, Name: routing.SysctlNoPolicy})
		k.State.Put(routing.Sysctl{Link: l.Name, Name: routing.SysctlNoPolicy, IPv6: true})
	}
}
