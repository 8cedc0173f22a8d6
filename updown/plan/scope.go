package plan

import "github.com/ipsecif/ipsecif/xfrmi"

// Scope limits a plan to what some claims can touch: the objects on their
// links, and what lives on no link of ours and is theirs. With keys, it is
// limited to those objects: the claims of others are not all known then, nor is
// all of the state.
type Scope struct {
	claims map[string]bool
	links  map[string]bool
	ids    map[xfrmi.IfID]bool
	keys   map[string]bool // nil for no such limit
}

// NewScope returns a scope of nothing.
func NewScope() Scope {
	return Scope{claims: map[string]bool{}, links: map[string]bool{}, ids: map[xfrmi.IfID]bool{}}
}

// Add widens the scope by a claim with its link and if_id.
func (s Scope) Add(claim, link string, id xfrmi.IfID) {
	s.claims[claim], s.links[link], s.ids[id] = true, true, true
}

// Limit limits the scope to objects with these keys, or widens that limit.
func (s *Scope) Limit(keys []string) {
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	for _, key := range keys {
		s.keys[key] = true
	}
}

// has reports whether an object may be touched, as far as the limit goes.
// Attributes go with their link.
func (s *Scope) has(o Object) bool {
	if s == nil || s.keys == nil {
		return true
	}
	if a, isAttr := o.(xfrmi.Attr); isAttr {
		o = xfrmi.Link{Name: a.Link}
	}
	return s.keys[o.Key()]
}

// on returns the links in scope on a host: those by name, and xfrm interfaces
// by if_id, since they may have any name.
func (s Scope) on(have State) map[string]bool {
	names := map[string]bool{}
	for name := range s.links {
		names[name] = true
	}
	for _, o := range have {
		if l, ok := o.(xfrmi.Link); ok && l.Kind == xfrmi.Kind && s.ids[l.IfID] {
			names[l.Name] = true
		}
	}
	return names
}
