package plan

import (
	"maps"

	"github.com/ipsecif/ipsecif/xfrmi"
)

// Want is the state that a set of claims asks for.
type Want struct {
	State  State
	Owners map[string][]string // by object key, the names of the claims that want it
	Kept   map[string]bool     // by object key, what is not to be deleted although no claim can be served with it
	Lapsed State               // settings that were asked for and perhaps are not any more, see Lapse
	// PathUnknown says that the way to a peer is not known at the moment, so
	// that it is not known either which device needs its settings.
	PathUnknown bool
	MTUs        map[string]TunnelMTU // by link, those that conns ask for
	Withdrawn   map[string][]string  // by key of a route or proxy entry that waits for an SA, the names of the claims
	clamps      map[string]clamp     // by link, those that conns ask for
	noFilter    bool                 // what nftables has is not known
	rpFilter    int                  // of new links; known after Lapse
	Within      map[string]Want      // by name, what is wanted in other network namespaces
}

// ByOwner returns the objects that each claim wants, in the order of making.
func (w Want) ByOwner() map[string][]Object {
	objects := map[string][]Object{}
	for _, o := range w.Sorted() {
		for _, name := range w.OwnersOf(o) {
			objects[name] = append(objects[name], o)
		}
	}
	return objects
}

// Keys returns, for each claim, the keys of all that it is a reason for, but
// for attributes: they go with their link.
func (w Want) Keys() map[string][]string {
	keys := map[string][]string{}
	for key, names := range w.Owners {
		if _, isAttr := w.State[key].(xfrmi.Attr); isAttr {
			continue
		}
		for _, name := range names {
			keys[name] = append(keys[name], key)
		}
	}
	for netns, within := range w.Within {
		for name, list := range within.Keys() {
			for _, key := range list {
				keys[name] = append(keys[name], inNetnsKey(netns, key))
			}
		}
	}
	return keys
}

// On returns what is wanted of a host with this state: a link that somebody
// else made is used as it is, but for being up and what conns ask for, and rules
// of systemd-networkd serve in the place of ours. Of a link that is there, an MTU
// and an MSS are left that may be right for SAs that are not there at the moment.
func (w Want) On(have State, m Managed) Want {
	w.State = maps.Clone(w.State)
	w.State.drop(func(o Object) bool {
		a, ok := o.(xfrmi.Attr)
		if !ok || a.Name == xfrmi.AttrState || isAsked(a) {
			return false
		}
		key := xfrmi.Link{Name: a.Link}.Key()
		link, want := have[key], w.State[key]
		switch {
		case link == nil:
			return false
		case !m.Owns(link):
			return true
		case want != nil && !Same(want, link):
			return false // it is made anew
		case a.Name == xfrmi.AttrMTU:
			return w.MTUs[a.Link].mayBe(mtuOn(have, a.Link))
		}
		return a.Name == xfrmi.AttrAddrGen && have[a.Key()] == nil && w.staysSmall(have, a.Link)
	})
	w.lean(have)
	w.settleClamps(have)
	w.settleFirewall()
	if len(w.Within) > 0 {
		spaces := have.split()
		w.Within = maps.Clone(w.Within)
		for netns, within := range w.Within {
			w.Within[netns] = within.On(spaces[netns], nil)
		}
	}
	return w
}
