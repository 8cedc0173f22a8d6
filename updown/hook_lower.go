package updown

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// lower takes back from a claim of pluto what an event takes back, and gives up
// the claims of which nothing is left then. It reports whether the tunnel is
// still up.
func (e *Engine) lower(event hook.Event, c plan.Claim, claimed bool) (p plan.Plan, up bool, err error) {
	if event.Actions.Has(hook.Unroute) {
		c.Routed = false
	}
	if event.Actions.Has(hook.Down) {
		c.Up = false
		c.Tunnel.NFLog, c.Tunnel.Accept, c.Tunnel.CAT = 0, nil, netip.Addr{}
	}
	drop, err := e.unrouted(event, c)
	if err != nil {
		return p, c.Up, err
	}
	if claimed && (drop != nil || !c.Routed && !c.Up) {
		drop = append(drop, c.Name)
	}
	switch {
	case drop != nil:
		p, err = e.converge(task{drop: drop}, e.attempt)
	case claimed:
		p, err = e.converge(task{lower: []plan.Claim{c}}, e.attempt)
	}
	return p, c.Up, err
}

// unrouted returns the names of the other claims that are not routed any more as
// soon as c, which an event is about, is not. Of conns with one remote net, one
// address of this host and the same marks, pluto routes the first and unroutes
// the last. Of such pairs of selectors of a single conn it unroutes none (5.2).
func (e *Engine) unrouted(event hook.Event, c plan.Claim) (names []string, err error) {
	last := event.Actions.Has(hook.Unroute)
	if c.Up || !last && (!c.Routed || event.OnDemand) {
		return nil, nil
	}
	err = e.Store.Read(func(r *claim.Reader) error {
		for _, use := range plan.UsesOfTunnelsTo(event.Theirs[0]) {
			for name := range r.Wanting(use) {
				other, _, err := r.Claim(name)
				if err != nil {
					return err
				}
				switch single := event.SameConn(name); {
				case name == event.ClaimName() || !other.Routed || !routedLike(other, event):
				case !last && single && other.Up:
					names = nil
					return nil // the last one of them is still to come
				case !other.Up && (last || single):
					names = append(names, name)
				}
			}
		}
		return nil
	})
	return names, err
}

// routedLike reports whether pluto makes no difference between the routes of a
// claim and those of an event.
func routedLike(c plan.Claim, event hook.Event) bool {
	t, mark := c.Tunnel, routing.Mark{Value: event.MarkOut.Value, Mask: event.MarkOut.Mask}
	return c.Owner == string(hook.Pluto) && t.Local == event.Me && isTo(t, event.Theirs) &&
		t.MarkOut == event.MarkOut.Set && (!t.MarkOut || t.Mark == mark)
}

// isTo reports whether the remote nets of a tunnel are these.
func isTo(t plan.Tunnel, nets []netip.Prefix) bool {
	return !slices.ContainsFunc(t.Pairs, func(p plan.Pair) bool { return !slices.Contains(nets, p.Theirs) })
}
