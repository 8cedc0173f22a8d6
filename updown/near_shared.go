package updown

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// An external xfrm interface has the routes of all its conns, perhaps thousands.
// A run for few of them asks the kernel for their own alone: which route it would
// choose for each net. What the answers do not show is not known to be there.

// theirs returns the remote nets of a tunnel that can be asked for. What the
// kernel says to 0.0.0.0 or :: is no answer about a default route.
func theirs(t plan.Tunnel) []netip.Prefix {
	var nets []netip.Prefix
	for _, p := range t.Pairs {
		if p.Theirs.Bits() > 0 {
			nets = append(nets, p.Theirs)
		}
	}
	return nets
}

// unseen reports whether a route was not seen, which is to be repaired if it has
// gone: one through a shared link, or of a tunnel without a device.
func (r *run) unseen(there plan.State) bool {
	for key, o := range there {
		route, ok := o.(routing.Route)
		sought := slices.Contains(r.query.Near.Shared, route.Dev) || r.unseenPolicy(route)
		if ok && sought && r.have.State[key] == nil {
			return true
		}
	}
	return false
}

// takesRoutes reports whether the plan deletes the last IPv4 address of a shared
// link that stays: the kernel deletes all its IPv4 routes then, and those of
// others are to be made again.
func (r *run) takesRoutes() bool {
	left := map[string]int{} // addresses, by link
	for _, o := range r.have.State {
		if a, ok := r.onShared(o); ok {
			left[a.Link]++
		}
	}
	for _, op := range r.plan.Ops {
		a, ok := r.onShared(op.Object)
		switch {
		case !ok:
		case op.Verb == plan.Add:
			left[a.Link]++
		case op.Verb == plan.Del:
			if left[a.Link]--; left[a.Link] == 0 {
				return true
			}
		}
	}
	return false
}

// onShared returns an IPv4 address on a shared link.
func (r *run) onShared(o plan.Object) (xfrmi.Addr, bool) {
	a, ok := o.(xfrmi.Addr)
	return a, ok && a.Prefix.Addr().Is4() && slices.Contains(r.query.Near.Shared, a.Link)
}
