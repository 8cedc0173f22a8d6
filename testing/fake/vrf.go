package fake

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// priorityVRF is that of the rule that the kernel makes with the first VRF.
const priorityVRF = 1000

// vrfOf returns the VRF that a link belongs to, or is.
func (k *Kernel) vrfOf(link string) (xfrmi.Link, bool) {
	if l, ok := k.State[xfrmi.Link{Name: link}.Key()].(xfrmi.Link); ok && l.Kind == xfrmi.KindVRF {
		return l, true
	}
	a, _ := k.State[xfrmi.Attr{Link: link, Name: xfrmi.AttrMaster}.Key()].(xfrmi.Attr)
	l, ok := k.State[xfrmi.Link{Name: a.Value}.Key()].(xfrmi.Link)
	return l, ok && l.Kind == xfrmi.KindVRF
}

// slaves returns the links whose master an object is.
func (k *Kernel) slaves(master plan.Object) []string {
	l, ok := master.(xfrmi.Link)
	if !ok {
		return nil
	}
	var links []string
	for _, o := range k.State {
		if a, ok := o.(xfrmi.Attr); ok && a.Name == xfrmi.AttrMaster && a.Value == l.Name {
			links = append(links, a.Link)
		}
	}
	return links
}

// tablesOf returns the tables of those of some VRFs that there are.
func (k *Kernel) tablesOf(vrfs []string) []routing.Table {
	var tables []routing.Table
	for _, name := range vrfs {
		if l, ok := k.State[xfrmi.Link{Name: name}.Key()].(xfrmi.Link); ok && l.Kind == xfrmi.KindVRF {
			tables = append(tables, routing.Table(l.Table))
		}
	}
	return tables
}

// lookupOfVRF returns the rule by which packets of a VRF find its table. Where
// that has no route, the rules behind it count, as for any other packet.
func (k *Kernel) lookupOfVRF(p Packet) (routing.Rule, bool) {
	vrf, ok := k.vrfOf(p.VRF)
	return routing.Rule{
		Family: routing.FamilyOf(p.To), Priority: priorityVRF, Action: routing.Lookup,
		Table: routing.Table(vrf.Table), Suppress: routing.NoSuppress,
	}, ok
}
