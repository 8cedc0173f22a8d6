package plan

import "github.com/ipsecif/ipsecif/xfrmi"

// Scope limits a plan to what some claims can touch: the objects on their
// links, and what lives on no link of ours and is theirs. With keys, it is
// limited to those objects: the claims of others are not all known then, nor is
// all of the state.
type Scope struct {
	netns  string // that of what it is asked about
	claims map[string]bool
	links  map[netnsLink]bool
	slots  map[xfrmi.Slot]bool
	keys   map[string]bool // nil for no such limit
	own    map[string]bool // keys of what the claims want, or wanted
}

// netnsLink is a link of a network namespace, by name.
type netnsLink struct{ netns, name string }

// NewScope returns a scope of nothing.
func NewScope() Scope {
	return Scope{claims: map[string]bool{}, links: map[netnsLink]bool{}, slots: map[xfrmi.Slot]bool{}, own: map[string]bool{}}
}

// Add widens the scope by a claim with its link, if it has one, in a network
// namespace.
func (s Scope) Add(claim, netns string, l xfrmi.Link) {
	s.claims[claim] = true
	if l.Name != "" {
		s.links[netnsLink{netns, l.Name}], s.slots[l.Slot()] = true, true
	}
}

// in returns the scope for what lives in a network namespace.
func (s *Scope) in(netns string) *Scope {
	if s == nil {
		return nil
	}
	within := *s
	within.netns = netns
	return &within
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

// Own notes the keys of what the claims want, or wanted.
func (s Scope) Own(keys []string) {
	for _, key := range keys {
		s.own[key] = true
	}
}

// has reports whether an object may be touched, as far as the limit goes.
func (s *Scope) has(o Object) bool { return s == nil || s.keys == nil || s.keys[s.key(o)] }

// key returns the key by which claims know an object. Attributes go with their
// link.
func (s *Scope) key(o Object) string {
	if a, isAttr := o.(xfrmi.Attr); isAttr {
		o = xfrmi.Link{Name: a.Link}
	}
	if s.netns != "" {
		return inNetnsKey(s.netns, o.Key())
	}
	return o.Key()
}

// on returns the links in scope on a host: those by name, and those by what they
// are for, since they may have any name.
func (s *Scope) on(have State) map[string]bool {
	names := map[string]bool{}
	if s == nil {
		return names
	}
	for l := range s.links {
		if l.netns == s.netns {
			names[l.name] = true
		}
	}
	for _, o := range have {
		l, ok := o.(xfrmi.Link)
		if slot := l.Slot(); ok && slot != (xfrmi.Slot{}) && s.slots[slot] {
			names[l.Name] = true
		}
	}
	return names
}
