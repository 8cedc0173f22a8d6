package plan

import "github.com/ipsecif/ipsecif/xfrmi"

// Scope limits a plan to what some claims can touch: the objects on their
// links, and what lives on no link of ours and is theirs.
type Scope struct {
	claims map[string]bool
	links  map[string]bool
	ids    map[xfrmi.IfID]bool
}

// NewScope returns a scope of nothing.
func NewScope() Scope {
	return Scope{claims: map[string]bool{}, links: map[string]bool{}, ids: map[xfrmi.IfID]bool{}}
}

// Add widens the scope by a claim with its link and if_id.
func (s Scope) Add(claim, link string, id xfrmi.IfID) {
	s.claims[claim], s.links[link], s.ids[id] = true, true, true
}

// on returns the links in scope on a host: those by name, and links of ours by
// if_id, since somebody may have renamed them.
func (s Scope) on(have State, m Managed) map[string]bool {
	names := map[string]bool{}
	for name := range s.links {
		names[name] = true
	}
	for _, o := range have {
		if l, ok := o.(xfrmi.Link); ok && m.Owns(l) && s.ids[l.IfID] {
			names[l.Name] = true
		}
	}
	return names
}
