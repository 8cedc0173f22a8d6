package fake

import (
	"maps"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Rename gives a link another name, as udev or an administrator does; ipsecif
// itself never does. Everything on the link stays.
func (k *Kernel) Rename(from, to string) {
	Rename(k.State, from, to)
	k.indexes[to] = k.indexes[from]
	delete(k.indexes, from)
}

// Rename gives a link of a state another name, on which no link may be.
func Rename(s plan.State, from, to string) {
	for key, o := range maps.Clone(s) {
		switch v := o.(type) {
		case xfrmi.Link:
			if v.Under == from {
				v.Under = to
			}
			if v.Name == from {
				v.Name = to
			}
			o = v
		case xfrmi.Attr:
			if v.Link == from {
				v.Link = to
			}
			o = v
		case xfrmi.Addr:
			if v.Link == from {
				v.Link = to
			}
			o = v
		case routing.Sysctl:
			if v.Link == from {
				v.Link = to
			}
			o = v
		case routing.Neigh:
			if v.Dev == from {
				v.Dev = to
			}
			o = v
		case routing.Route:
			if v.Dev == from {
				v.Dev = to
			}
			o = v
		}
		delete(s, key)
		s.Put(o)
	}
}
