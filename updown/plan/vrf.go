package plan

import (
	"fmt"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// priorityVRF is where the kernel looks up the tables of VRFs (FIB_RULE_PREF of
// drivers/net/vrf.c).
const priorityVRF = 1000

// vrfText names a VRF in messages; "" is none.
func vrfText(name string) string {
	if name == "" {
		return "no VRF"
	}
	return "VRF " + name
}

// vrfTable returns the table of a VRF, or says why there is none.
func (f Facts) vrfTable(name string) (routing.Table, error) {
	l, ok := f.links[name]
	switch {
	case !ok:
		return 0, fmt.Errorf("there is no device %s; make it with `ip link add %s type vrf table NUMBER` and set it up", name, name)
	case l.Kind != xfrmi.KindVRF:
		return 0, fmt.Errorf("the device %s is no VRF", name)
	}
	return routing.Table(l.Table), nil
}

// VRFPlace returns where a VRF has its routes, and false when there is no such
// VRF.
func (f Facts) VRFPlace(name string) (Place, bool) {
	t, err := f.vrfTable(name)
	return Place{Table: t, Priority: DefaultPlace.Priority}, err == nil
}

// vrf fills in the table of the VRF, and the scheme that has no choices there.
func (r *resolver) vrf(t *Tunnel) {
	if t.VRF == "" || t.Netns != "" {
		return
	}
	table, err := r.facts.vrfTable(t.VRF)
	if err != nil {
		r.refuse("vrf", "no-vrf", "", "%v", err)
		return
	}
	t.Table, t.Scheme = table, routing.Overlay
}

// hasVRF reports whether the VRF of a claim, if it has one, is as it was when
// the conn came up.
func (c *compiler) hasVRF(t Tunnel) bool {
	if t.VRF == "" {
		return true
	}
	table, err := c.facts.vrfTable(t.VRF)
	return err == nil && table == t.Table
}

// checkVRF notes why a claim cannot have its VRF.
func (c *compiler) checkVRF(claim Claim) {
	t := claim.Tunnel
	if t.VRF == "" {
		return
	}
	table, err := c.facts.vrfTable(t.VRF)
	switch {
	case err != nil:
		c.problem(claim, "vrf: %v", err)
	case table != t.Table:
		c.problem(claim, "vrf: %s has table %s now, not %s; `ipsecif up %s` moves the routes", t.VRF, table, t.Table, claim.Name)
	}
}

// takesVRF reports whether the default route of a tunnel outside of all VRFs is
// looked up before their tables, so that it takes what is theirs.
func takesVRF(outside, inside Tunnel) bool {
	return inside.VRF != "" && outside.VRF == "" && !outside.Scheme.InMain() &&
		hasDefault(outside) && outside.Priority < priorityVRF
}

// vrfs returns the VRF that each link belongs to, or is.
func vrfs(s State) map[string]string {
	of := map[string]string{}
	for _, o := range s {
		switch o := o.(type) {
		case xfrmi.Link:
			if o.Kind == xfrmi.KindVRF {
				of[o.Name] = o.Name
			}
		case xfrmi.Attr:
			master, _ := s[xfrmi.Link{Name: o.Value}.Key()].(xfrmi.Link)
			if o.Name == xfrmi.AttrMaster && master.Kind == xfrmi.KindVRF {
				of[o.Link] = o.Value
			}
		}
	}
	return of
}

// linksOf returns the links of a state by name.
func linksOf(s State) map[string]xfrmi.Link {
	links := map[string]xfrmi.Link{}
	for _, o := range s {
		if l, ok := o.(xfrmi.Link); ok {
			links[l.Name] = l
		}
	}
	return links
}

// moves returns the operations that put existing links into another VRF, or out
// of one. The kernel flushes the routes of the link and its IPv6 addresses then,
// so these operations come before all that makes some.
func (d *differ) moves() []Op {
	var ops []Op
	for key, o := range d.want.State {
		a, ok := o.(xfrmi.Attr)
		if !ok || a.Name != xfrmi.AttrMaster || d.have[xfrmi.Link{Name: a.Link}.Key()] == nil || !d.Scope.has(o) || !d.inScope(o) {
			continue
		}
		if have := d.have[key]; have != o {
			ops = append(ops, Op{Set, o})
			d.save(have, o)
		}
	}
	for _, op := range d.lapsed() {
		if a, ok := op.Object.(xfrmi.Attr); ok && a.Name == xfrmi.AttrMaster {
			ops = append(ops, op)
		}
	}
	return d.order.making(ops)
}
