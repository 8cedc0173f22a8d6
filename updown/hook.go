package updown

import (
	"errors"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Hook serves an event of an IKE daemon: it makes or gives up the claim that the
// event is about, and makes the kernel agree. Base is what the configuration
// says about the conn, perhaps nothing. Up reports whether the tunnel is up
// after the event. After an error everything is as it was.
func (e *Engine) Hook(event hook.Event, base conn.Conn) (p plan.Plan, up bool, err error) {
	if !event.Actions.Has(hook.Route | hook.Up | hook.Unroute | hook.Down) {
		return p, false, nil // to prepare, there is nothing that route or up would not do as well
	}
	lock, err := e.Store.Lock()
	if err != nil {
		return p, false, err
	}
	defer lock.Release()
	old, claimed, err := e.claimed(event.ClaimName())
	if err != nil {
		return p, false, err
	}
	if event.Actions.Has(hook.Route | hook.Up) {
		p, err = e.raise(event, base, old)
		return p, err == nil && (old.Up || event.Actions.Has(hook.Up)), err
	}
	if event.Daemon == hook.Pluto {
		return e.lower(event, old, claimed)
	}
	if !claimed {
		return p, false, nil
	}
	if late, err := e.replaced(event, old); late || err != nil {
		return p, true, err
	}
	p, err = e.converge(task{drop: []string{old.Name}}, e.attempt)
	return p, false, err
}

// claimed returns a claim by its name.
func (e *Engine) claimed(name string) (c plan.Claim, ok bool, err error) {
	err = e.Store.Read(func(r *claim.Reader) error {
		c, ok, err = r.Claim(name)
		return err
	})
	return c, ok, err
}

// raise claims what an event asks for, beside what was asked for before.
func (e *Engine) raise(event hook.Event, base conn.Conn, old plan.Claim) (plan.Plan, error) {
	c := event.Tunnel(base)
	if event.Daemon == hook.Charon {
		if event.IfID == 0 && c.Accept == nil {
			return plan.Plan{}, nil // it makes the routes of such a tunnel itself
		} else if event.IfID == 0 {
			return plan.Plan{}, errNoIfID
		}
		if err := e.escape(event, &c); err != nil {
			return plan.Plan{}, err
		}
	}
	up := old.Up || event.Actions.Has(hook.Up)
	if !up { // there are no packets of it yet
		c.NflogGroup, c.Accept, c.Left.CAT = 0, nil, false
	}
	return e.converge(task{conns: []conn.Conn{c}, as: plan.Claim{
		Owner: string(event.Daemon), Reqid: event.Reqid, Routed: old.Routed || event.Actions.Has(hook.Route), Up: up,
	}}, e.attempt)
}

// errNoIfID refuses what charon's tunnels without an interface cannot have.
var errNoIfID = errors.New("packets of a tunnel without an xfrm interface cannot be told from others in the firewall; set if_id_in and if_id_out, or leave --accept out")

// escape finds out how encrypted packets of charon are told from others, which
// it does not say: by the mark that its SAs put on them, else by their
// destination.
func (e *Engine) escape(event hook.Event, c *conn.Conn) error {
	sas, err := e.outbound(event.IfID, plan.Ends{event.Me, event.Peer})
	if err != nil {
		return err
	}
	for _, sa := range sas {
		if sa.MarkOut.Value != 0 {
			c.MarkOut = conn.Mark{Value: sa.MarkOut.Value, Mask: sa.MarkOut.Mask, Set: true}
		}
	}
	layout := c.Scheme == conn.SchemeUnset || c.Scheme == conn.SchemeOverlay
	if c.Escape == conn.EscapeUnset && !c.MarkOut.Set && layout && event.PeerInside() {
		c.Escape = conn.EscapePeer
	}
	return nil
}

// outbound returns the working SAs of an if_id for packets of this host between
// some of the ends.
func (e *Engine) outbound(ifID uint32, ends ...plan.Ends) ([]plan.SA, error) {
	id := xfrmi.IfID(ifID)
	o, err := e.Kernel.Observe(plan.Query{Near: &plan.Near{Ends: ends}, SAs: []xfrmi.IfID{id}})
	return slices.DeleteFunc(o.Facts.SAs[id], func(sa plan.SA) bool { return sa.Direction != plan.Out }), err
}

// replaced reports whether there is another SA than the one that goes: charon
// says nothing when an IKE SA takes over what another one had, and later that
// the other one goes. The one that goes is still there.
func (e *Engine) replaced(event hook.Event, c plan.Claim) (bool, error) {
	sas, err := e.outbound(event.IfID, plan.Ends{event.Me, event.Peer}, plan.Ends{c.Tunnel.Local, c.Tunnel.Peer})
	spis := map[uint8]map[uint32]bool{} // by protocol
	for _, sa := range sas {
		if sa.Reqid != event.Reqid {
			continue
		}
		if spis[sa.Proto] == nil {
			spis[sa.Proto] = map[uint32]bool{}
		}
		if spis[sa.Proto][sa.SPI] = true; len(spis[sa.Proto]) > 1 {
			return true, err
		}
	}
	return false, err
}
