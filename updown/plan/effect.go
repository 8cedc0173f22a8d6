package plan

import (
	"maps"
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Effect changes the state as an operation that succeeds does, with everything
// that Linux takes away along with it.
func (s State) Effect(op Op) {
	key := op.Object.Key()
	if op.Verb != Del {
		s[key] = op.Object
		if a, ok := op.Object.(xfrmi.Attr); ok {
			s.setAttr(a)
		}
		return
	}
	delete(s, key)
	switch o := op.Object.(type) {
	case xfrmi.Link:
		s.drop(func(o2 Object) bool { return linkOf(o2) == o.Name })
	case xfrmi.Addr:
		s.addrGone(o)
	}
}

// after returns the state after all operations; the given one is left alone.
func after(s State, ops []Op) State {
	s = maps.Clone(s)
	for _, op := range ops {
		s.Effect(op)
	}
	return s
}

func (s State) drop(gone func(Object) bool) {
	maps.DeleteFunc(s, func(_ string, o Object) bool { return gone(o) })
}

// setAttr does what a new value of a link attribute brings with it.
func (s State) setAttr(a xfrmi.Attr) {
	switch a.Name {
	case xfrmi.AttrAlias:
		if l, ok := s["link "+a.Link].(xfrmi.Link); ok {
			l.Mine = a.Value == xfrmi.Alias(l.IfID)
			s.Put(l)
		}
	case xfrmi.AttrState:
		if a.Value == "down" {
			s.drop(func(o Object) bool {
				switch o := o.(type) {
				case routing.Route:
					return o.Dev == a.Link
				case xfrmi.Addr:
					return o.Link == a.Link && o.Prefix.Addr().Is6()
				}
				return false
			})
		}
	}
}

// addrGone takes away what depends on an address: in IPv4 the routes of main
// with that source (fib_sync_down_addr; those of other tables stay), and with
// the last address of a link all its routes (fib_disable_ip); in IPv6 routes
// stay and lose their source.
func (s State) addrGone(gone xfrmi.Addr) {
	a := gone.Prefix.Addr()
	lastOfLink, lastOfHost := true, true
	for _, o := range s {
		other, ok := o.(xfrmi.Addr)
		if !ok {
			continue
		}
		if other.Link == gone.Link && other.Prefix.Addr().Is4() == a.Is4() {
			lastOfLink = false
		}
		if other.Prefix.Addr() == a {
			lastOfHost = false
		}
	}
	for _, o := range s {
		r, ok := o.(routing.Route)
		if !ok || r.Dst.Addr().Is4() != a.Is4() {
			continue
		}
		switch {
		case a.Is6() && r.Src == a && lastOfHost:
			r.Src = netip.Addr{}
			s.Put(r)
		case a.Is4() && (r.Src == a && lastOfHost && r.Table == routing.TableMain || r.Dev == gone.Link && lastOfLink):
			delete(s, r.Key())
		}
	}
}
