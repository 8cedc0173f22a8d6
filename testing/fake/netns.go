package fake

import (
	"fmt"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// AddNetns makes another network namespace.
func (k *Kernel) AddNetns(name string) {
	if k.spaces == nil {
		k.spaces = map[string]*Kernel{}
	}
	k.spaces[name] = New()
	k.spaces[name].home = k
}

// DelNetns deletes a network namespace with all that is in it.
func (k *Kernel) DelNetns(name string) { delete(k.spaces, name) }

// In returns another network namespace, or for "" the Kernel itself.
func (k *Kernel) In(name string) *Kernel {
	if name == "" {
		return k
	}
	return k.spaces[name]
}

// All returns the state with that of other network namespaces.
func (k *Kernel) All() plan.State {
	all := plan.State{}
	for _, o := range k.State {
		all.Put(o)
	}
	for name, within := range k.spaces {
		for _, o := range within.State {
			all.Put(plan.Inside(name, o))
		}
	}
	return all
}

// namespaces adds the objects of other network namespaces to an observation.
func (k *Kernel) namespaces(o *plan.Observation, names []string) {
	o.Facts.NoNetns = map[string]string{}
	for _, name := range names {
		within := k.spaces[name]
		if within == nil {
			o.Facts.NoNetns[name] = fmt.Sprintf("there is no network namespace %s; make it with `ip netns add %s`", name, name)
			continue
		}
		for _, obj := range within.everything(plan.Query{}).State {
			switch obj := obj.(type) {
			case routing.Rule:
				continue // nothing there depends on them
			case routing.Sysctl:
				if obj.Name != routing.SysctlPromote {
					continue
				}
			}
			o.State.Put(plan.Inside(name, obj))
		}
	}
}

// hasSlot reports whether a link has the slot of l, in whatever network namespace
// it is: what counts is where the policies are that it uses.
func (k *Kernel) hasSlot(l xfrmi.Link) bool {
	home := k
	if k.home != nil && !l.Far {
		home = k.home
	}
	if home.has(l.Slot()) {
		return true
	}
	near := l.Slot()
	near.Far = false
	for _, within := range home.spaces {
		if within.has(near) {
			return true
		}
	}
	return false
}

// has reports whether a link of this network namespace is in a slot.
func (k *Kernel) has(slot xfrmi.Slot) bool {
	for _, o := range k.State {
		if l, ok := o.(xfrmi.Link); ok && l.Slot() == slot {
			return true
		}
	}
	return false
}
