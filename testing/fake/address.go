package fake

import (
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// connect adds the routes to the nets of the addresses of a link. A secondary
// address brings none.
func (k *Kernel) connect(link string) {
	if !k.isUp(link) {
		return
	}
	for _, a := range k.addresses(link) {
		key := k.connectedRoute(a).Key()
		if !a.Secondary && (!a.Prefix.IsSingleIP() || a.Prefix.Addr().Is6()) && k.State[key] == nil {
			k.State.Put(k.connectedRoute(a))
		}
	}
}

// disconnect deletes the route to the net of an address that has gone. When
// that was the primary one, the first that is left takes its place.
func (k *Kernel) disconnect(gone xfrmi.Addr) {
	if route := k.connectedRoute(gone); k.State[route.Key()] == plan.Object(route) {
		delete(k.State, route.Key())
	}
	left := slices.DeleteFunc(k.addresses(gone.Link), func(a xfrmi.Addr) bool { return a.Prefix.Masked() != gone.Prefix.Masked() })
	if len(left) > 0 && !slices.ContainsFunc(left, func(a xfrmi.Addr) bool { return !a.Secondary }) {
		left[0].Secondary = false
		k.State.Put(left[0])
	}
}

// addresses returns the addresses of a link in the order of their text.
func (k *Kernel) addresses(link string) (found []xfrmi.Addr) {
	on := plan.State{}
	for _, o := range k.State {
		if a, ok := o.(xfrmi.Addr); ok && a.Link == link {
			on.Put(a)
		}
	}
	for _, o := range on.Sorted() {
		found = append(found, o.(xfrmi.Addr))
	}
	return found
}

// connectedRoute is in main, or in the table of the link's VRF.
func (k *Kernel) connectedRoute(a xfrmi.Addr) routing.Route {
	table := routing.TableMain
	if vrf, ok := k.vrfOf(a.Link); ok {
		table = routing.Table(vrf.Table)
	}
	r := routing.Route{Table: table, Type: routing.Unicast, Dst: a.Prefix.Masked(), Dev: a.Link, Protocol: routing.ProtocolKernel}
	if a.Prefix.Addr().Is4() {
		r.Src = a.Prefix.Addr()
	} else {
		r.Metric = 256
	}
	return r
}
