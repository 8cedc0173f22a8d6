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
				if obj.Name == routing.SysctlRPFilter {
					continue
				}
			}
			o.State.Put(plan.Inside(name, obj))
		}
	}
}

// hasIfID reports whether an xfrm interface uses the same policies with the same
// if_id as l, in whatever network namespace it is.
func (k *Kernel) hasIfID(l xfrmi.Link) bool {
	home := k
	if k.home != nil && !l.Far {
		home = k.home
	}
	same := func(within *Kernel, far bool) bool {
		for _, o := range within.State {
			other, ok := o.(xfrmi.Link)
			if ok && other.Kind == xfrmi.Kind && other.IfID == l.IfID && other.Far == far {
				return true
			}
		}
		return false
	}
	if same(home, l.Far) {
		return true
	}
	for _, within := range home.spaces {
		if same(within, false) {
			return true
		}
	}
	return false
}
