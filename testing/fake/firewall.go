package fake

import (
	"slices"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"golang.org/x/sys/unix"
)

// refuseFirewall returns the error with which nftables refuses an operation.
func (k *Kernel) refuseFirewall(op plan.Op, have plan.Object) error {
	if op.Verb != plan.Add && have == nil {
		return unix.ENOENT
	}
	if op.Verb == plan.Del {
		if k.isLedTo(op.Object) {
			return unix.EBUSY
		}
		return nil
	}
	for _, part := range k.needs(op.Object) {
		if k.State[part.Key()] == nil {
			return unix.ENOENT
		}
	}
	switch o := op.Object.(type) {
	case firewall.Place:
		if !o.IsTable() && !k.hasTable(o.Table) {
			return unix.ENOENT
		}
	case firewall.Entry:
		if op.Verb == plan.Add && have != nil && have != op.Object {
			return unix.EEXIST
		}
	}
	return nil
}

// needs returns what an object cannot be made without.
func (k *Kernel) needs(o plan.Object) []firewall.Object {
	switch o := o.(type) {
	case firewall.Chain:
		return []firewall.Object{o.Place}
	case firewall.Set:
		return []firewall.Object{o.Place}
	case firewall.Entry:
		if chain, ok := o.Chain(); ok {
			return []firewall.Object{o.Set(), chain}
		}
		return []firewall.Object{o.Set()}
	case firewall.Jump:
		return []firewall.Object{firewall.Base{Table: o.Place.Table, Chain: o.Chain}, o.Place}
	}
	return nil
}

// isLedTo reports whether packets are led to a chain.
func (k *Kernel) isLedTo(chain plan.Object) bool {
	for _, o := range k.State {
		switch o := o.(type) {
		case firewall.Entry:
			if c, ok := o.Chain(); ok && chain == plan.Object(c) {
				return true
			}
		case firewall.Jump:
			if chain == plan.Object(o.Place) {
				return true
			}
		}
	}
	return false
}

// hasTable reports whether the admin has a table.
func (k *Kernel) hasTable(t firewall.Table) bool {
	for _, o := range k.State {
		if b, ok := o.(firewall.Base); ok && b.Table == t {
			return true
		}
	}
	return false
}

// hasOf reports whether anything of a place is there.
func (k *Kernel) hasOf(p firewall.Place) bool {
	for _, o := range k.State {
		if s, ok := o.(firewall.Set); ok && s.Place == p {
			return true
		}
	}
	return k.State[p.Key()] != nil
}

// showsFirewall reports whether a query shows an object of nftables. Tables of
// ours are seen whenever that of the clamp is asked for.
func (k *Kernel) showsFirewall(o firewall.Object, q plan.Query) bool {
	asked := func(p firewall.Place) bool {
		known := p.IsTable() && q.Clamps && q.Near == nil || q.Firewall.All && k.hasOf(p)
		return slices.Contains(q.Firewall.Places, p) || known
	}
	switch o := o.(type) {
	case firewall.Base:
		return slices.ContainsFunc(firewall.PlacesIn(o.Table), func(p firewall.Place) bool { return asked(p) && o.Leads(p) })
	case firewall.Place:
		return asked(o)
	case firewall.Chain:
		return asked(o.Place)
	case firewall.Set:
		return asked(o.Place)
	case firewall.Jump:
		return asked(o.Place)
	case firewall.Entry:
		near := func(e firewall.Entry) bool { return e.Key() == o.Key() }
		return asked(o.Place) && (q.Near == nil || slices.ContainsFunc(q.Firewall.Entries, near))
	}
	return false
}
