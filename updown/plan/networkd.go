package plan

import (
	"maps"

	"github.com/ipsecif/ipsecif/routing"
)

// MadeFor reports whether ipsecif made an object, or systemd-networkd made it in
// its place: networkd marks the rules and routes of its files with the protocol
// static, and takes them away itself. Tunnels are the links of the tunnels that
// there are.
func (m Managed) MadeFor(o Object, tunnels map[string]bool) bool {
	if m.Owns(o) {
		return true
	}
	switch o := o.(type) {
	case routing.Rule:
		o, ok := asOurs(o)
		return ok && m.ownsRule(o)
	case routing.Route:
		attracts := o.Type == routing.Unicast && tunnels[o.Dev]
		guards := o.Type == routing.Unreachable && o.Metric == routing.WorstMetric
		return o.Protocol == routing.ProtocolStatic && (attracts || guards)
	}
	return false
}

// asOurs returns the rule that ipsecif would make in the place of one of
// systemd-networkd's.
func asOurs(r routing.Rule) (routing.Rule, bool) {
	was := r.Protocol
	r.Protocol = routing.ProtocolKernel
	return r, was == routing.ProtocolStatic
}

// lean puts the rules that systemd-networkd has made in the place of those that
// are wanted: the kernel knows both for different rules, and one is enough.
func (w *Want) lean(have State) {
	copied := false
	for _, o := range have {
		theirs, ok := o.(routing.Rule)
		if !ok {
			continue
		}
		ours, ok := asOurs(theirs)
		key := ours.Key()
		if !ok || w.State[key] != ours || have[key] != nil {
			continue
		}
		if !copied {
			w.Owners, copied = maps.Clone(w.Owners), true
		}
		w.Owners[theirs.Key()] = w.Owners[key]
		delete(w.State, key)
		w.State.Put(theirs)
	}
}
