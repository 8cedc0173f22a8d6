package plan

import (
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// serving returns the name of the link in each slot. Two of one slot are in one
// network namespace only when one was moved there; ours is the one that serves
// then.
func serving(s State) map[xfrmi.Slot]string {
	best := map[xfrmi.Slot]xfrmi.Link{}
	for _, o := range s {
		l, ok := o.(xfrmi.Link)
		slot := l.Slot()
		if !ok || slot == (xfrmi.Slot{}) {
			continue
		}
		if b, twin := best[slot]; !twin || l.Mine && !b.Mine || l.Mine == b.Mine && l.Name < b.Name {
			best[slot] = l
		}
	}
	names := make(map[xfrmi.Slot]string, len(best))
	for slot, l := range best {
		names[slot] = l.Name
	}
	return names
}

// LinkOf returns the name of the link of a tunnel: that of the link in its slot,
// whatever somebody may have renamed it to, else the one that the tunnel wishes.
// The kernel refuses a second link for a slot.
func (f Facts) LinkOf(t Tunnel) string {
	if name, ok := f.In(t.Netns).serving[t.Device().Slot()]; ok {
		return name
	}
	return t.Link
}

// Unserved returns the facts of a host on which no link serves any tunnel yet, so
// that all have the names that they wish.
func (f Facts) Unserved() Facts {
	f.serving = nil
	return f
}

// present returns the claims with the names that their links have.
func (c *compiler) present(claims []Claim) []Claim {
	claims = slices.Clone(claims)
	for i := range claims {
		claims[i].Tunnel.Link = c.facts.LinkOf(claims[i].Tunnel)
	}
	return claims
}

// Present returns saved settings under the names that their links have now. A
// setting whose link has gone keeps its name, in case the link comes back,
// unless another link has that name by now.
func (f Facts) Present(saved []Saved) []Saved {
	if len(saved) == 0 {
		return saved
	}
	names := make(map[uint32]string, len(f.Indexes))
	for name, index := range f.Indexes {
		names[index] = name
	}
	present := slices.Clone(saved)
	taken := map[string]bool{} // by settings that were found by the index
	for i, s := range present {
		if name, ok := names[s.Index]; ok && s.Netns == "" {
			present[i] = s.on(name)
			taken[present[i].Object().Key()] = true
		}
	}
	return slices.DeleteFunc(present, func(s Saved) bool {
		_, found := names[s.Index]
		return !found && s.Netns == "" && s.Kind != SavedForeign && taken[s.Object().Key()]
	})
}

// on returns what is saved for a link, or of a route through it, with the name
// that the link has now.
func (s Saved) on(link string) Saved {
	if s.Kind != SavedForeign {
		s.Link = link
	} else if r, ok := s.Object().(routing.Route); ok && r.Dev != "" && r.Dev != link {
		r.Dev = link
		s.Was = Making(r).String()
	}
	return s
}
