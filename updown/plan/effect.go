package plan

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// Effect changes the state as an operation that succeeds does, with everything
// that Linux takes away along with it.
func (s State) Effect(op Op) {
	key := op.Object.Key()
	was := s[key]
	if op.Verb != Del {
		s[key] = op.Object
		switch o := op.Object.(type) {
		case routing.Route:
			if o.Behind && s[o.Front()] == nil {
				s.promote(o)
			}
		case xfrmi.Attr:
			if was != o {
				s.setAttr(o)
			}
		case xfrmi.Addr:
			o.Secondary = slices.ContainsFunc(s.sameNet(o), func(a xfrmi.Addr) bool { return !a.Secondary })
			s.Put(o)
		case routing.Neigh:
			if !o.Mine && was != nil {
				s[key] = was // which a second one without a protocol leaves as it is
			}
		}
		return
	}
	delete(s, key)
	switch o := op.Object.(type) {
	case xfrmi.ClampTable:
		s.drop(diesWithTable)
	case firewall.Place, firewall.Set:
		s.drop(func(o2 Object) bool { return diesWithPart(o, o2) })
		s.silence(o)
	case firewall.Base:
		s.drop(func(o2 Object) bool {
			j, ok := o2.(firewall.Jump)
			return ok && j.Place.Table == o.Table && j.Chain == o.Chain
		})
	case xfrmi.Link:
		s.drop(func(o2 Object) bool { return LinkOf(o2) == o.Name })
		s.release(o.Name)
	case routing.Route:
		o.Behind = true
		if next, ok := s[o.Key()].(routing.Route); ok && !op.Object.(routing.Route).Behind {
			s.promote(next)
		}
	case xfrmi.Addr:
		if gone, ok := was.(xfrmi.Addr); ok {
			s.addrGone(gone)
		}
	}
}

// promote puts a route first that was behind another.
func (s State) promote(r routing.Route) {
	delete(s, r.Key())
	r.Behind = false
	s.Put(r)
}

// effects changes the state as operations that succeed one after the other do.
// What links take along is looked for once for all links deleted in a row.
func (s State) effects(ops []Op) {
	gone := map[string]bool{}
	for _, op := range ops {
		l, isLink := op.Object.(xfrmi.Link)
		if isLink && op.Verb == Del {
			delete(s, l.Key())
			gone[l.Name] = true
			continue
		}
		s.dropOn(gone)
		s.Effect(op)
	}
	s.dropOn(gone)
}

// dropOn takes away what lives on links that have gone, and forgets them.
func (s State) dropOn(gone map[string]bool) {
	if len(gone) > 0 {
		s.drop(func(o Object) bool { return gone[LinkOf(o)] })
		clear(gone)
	}
}

// after returns the state after all operations; the given one is left alone.
func after(s State, ops []Op) State {
	if len(ops) == 0 {
		return s
	}
	s = maps.Clone(s)
	s.effects(ops)
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
			l.Mine = l.IsTunnel() && a.Value == l.Alias()
			s.Put(l)
		}
	case xfrmi.AttrMTU:
		s.setMTU(a)
	case xfrmi.AttrState:
		if a.Value == "down" {
			s.flush(a.Link)
		}
	case xfrmi.AttrMaster:
		s.flush(a.Link)
	}
}

// flush takes away the routes of a link, its IPv6 addresses and its proxy
// entries, as happens when it goes down, or into or out of a VRF.
func (s State) flush(link string) {
	s.drop(func(o Object) bool {
		switch o := o.(type) {
		case routing.Route:
			return o.Dev == link
		case xfrmi.Addr:
			return o.Link == link && o.Prefix.Addr().Is6()
		case routing.Neigh:
			return o.Dev == link
		}
		return false
	})
}

// release takes the links out of a device that is deleted.
func (s State) release(master string) {
	for key, o := range s {
		if a, ok := o.(xfrmi.Attr); ok && a.Name == xfrmi.AttrMaster && a.Value == master {
			a.Value = ""
			s[key] = a
			s.flush(a.Link)
		}
	}
}

// setMTU takes IPv6 off a link whose MTU becomes too small for it, and puts it
// back, with nothing but the default way to make addresses, when there is room
// again (addrconf_notify).
func (s State) setMTU(a xfrmi.Attr) {
	mtu, _ := strconv.Atoi(a.Value)
	addrGen := xfrmi.Attr{Link: a.Link, Name: xfrmi.AttrAddrGen, Value: "eui64"}
	switch {
	case mtu < xfrmi.MinMTU6:
		s.drop(func(o Object) bool {
			switch o := o.(type) {
			case routing.Route:
				return o.Dev == a.Link && o.Dst.Addr().Is6()
			case xfrmi.Addr:
				return o.Link == a.Link && o.Prefix.Addr().Is6()
			}
			return o.Key() == addrGen.Key()
		})
	case s[addrGen.Key()] == nil:
		if l, ok := s[xfrmi.Link{Name: a.Link}.Key()].(xfrmi.Link); ok && l.IsTunnel() {
			s.Put(addrGen)
		}
	}
}

// sameNet returns the other IPv4 addresses of a link in the net of one of
// them.
func (s State) sameNet(a xfrmi.Addr) (others []xfrmi.Addr) {
	if a.Prefix.Addr().Is6() || a.Prefix.IsSingleIP() {
		return nil
	}
	for _, o := range s {
		other, ok := o.(xfrmi.Addr)
		if ok && other.Link == a.Link && other.Prefix != a.Prefix && other.Prefix.Masked() == a.Prefix.Masked() {
			others = append(others, other)
		}
	}
	return others
}

// primaryGone takes away the secondary addresses of the net of a primary one,
// unless promote_secondaries is on (__inet_del_ifa). Which of them the kernel
// then promotes is not known here, and makes no difference: none dies.
func (s State) primaryGone(gone xfrmi.Addr) {
	promote := s[routing.Sysctl{Link: gone.Link, Name: routing.SysctlPromote}.Key()]
	if on, ok := promote.(routing.Sysctl); ok && on.Value != 0 {
		return
	}
	for _, a := range s.sameNet(gone) {
		if a.Secondary {
			delete(s, a.Key())
			s.addrGone(a)
		}
	}
}

// addrGone takes away what depends on an address: in IPv4 the secondary
// addresses of its net, the routes of main with that source
// (fib_sync_down_addr; those of other tables stay), and with the last address
// of a link all its routes (fib_disable_ip); in IPv6 routes stay and lose
// their source.
func (s State) addrGone(gone xfrmi.Addr) {
	if !gone.Secondary {
		s.primaryGone(gone)
	}
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
