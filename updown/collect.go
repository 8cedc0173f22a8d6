package updown

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Collect takes away what is ours and no claim wants, and restores what nobody
// needs changed any more. It refuses to take anything while one of the
// interfaces is in use: when it is that of one of the known conns, or has SAs.
// Without its claim nothing else tells that a tunnel is wanted.
func (e *Engine) Collect(known []conn.Conn) (plan.Plan, error) {
	return e.change(task{collect: true, known: known})
}

// CollectAll takes away what is ours and no claim wants, in use or not.
func (e *Engine) CollectAll() (plan.Plan, error) {
	return e.change(task{collect: true, force: true})
}

// Leftovers returns what Collect would do, or with force CollectAll, and
// changes nothing.
func (e *Engine) Leftovers(known []conn.Conn, force bool) (plan.Plan, error) {
	r, err := e.prepare(task{collect: true, known: known, force: force})
	return r.plan, err
}

// refuseUsed adds a conflict to the plan for each interface that would be taken
// away although it is in use, and returns them.
func (e *Engine) refuseUsed(r *run) error {
	var links []plan.Object
	var ids []xfrmi.IfID
	for _, op := range r.plan.Ops {
		netns, inner := plan.Where(op.Object)
		if link, ok := inner.(xfrmi.Link); ok && op.Verb == plan.Del {
			links, ids = append(links, op.Object), append(ids, idsOf(netns, link, r.have.State)...)
		}
	}
	if links == nil {
		return nil
	}
	have, err := e.Kernel.Observe(plan.Query{Near: &plan.Near{}, SAs: ids})
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range links {
		netns, inner := plan.Where(o)
		link := inner.(xfrmi.Link)
		if users := users(netns, link, idsOf(netns, link, r.have.State), r.known, have.Facts); users != nil {
			c := plan.Conflict{Have: o, Text: fmt.Sprintf("%s %s is claimed by no conn, but is in use: %s; "+
				"use --force to take it away all the same", link.Name, link.Purpose(), strings.Join(users, "; "))}
			r.plan.Conflicts = append(r.plan.Conflicts, c)
			errs = append(errs, c)
		}
	}
	return errors.Join(errs...)
}

// idsOf returns the if_ids of the SAs that may use a link: of an external
// interface those that its routes tell it; the SAs of a VTI device have none.
func idsOf(netns string, link xfrmi.Link, s plan.State) []xfrmi.IfID {
	if !link.External {
		return []xfrmi.IfID{link.IfID}
	}
	var ids []xfrmi.IfID
	for _, o := range s {
		where, inner := plan.Where(o)
		if r, ok := inner.(routing.Route); ok && where == netns && r.Dev == link.Name && r.Encap.Set() {
			ids = append(ids, xfrmi.IfID(r.Encap.IfID))
		}
	}
	return unique(ids)
}

// users says who seems to use an interface.
func users(netns string, link xfrmi.Link, ids []xfrmi.IfID, known []conn.Conn, facts plan.Facts) []string {
	var users []string
	for i := range known {
		c := &known[i]
		if d := plan.DeviceOf(c); c.Link() != "" && (d.Slot() == link.Slot() || d.Name == link.Name && c.Netns == netns) {
			users = append(users, fmt.Sprintf("it is that of conn %q (%s), which `ipsecif up %s` claims and `ipsecif down %s` takes away", c.Name, c.Pos, c.Name, c.Name))
		}
	}
	n, mark := 0, "its if_id"
	switch {
	case link.External:
		mark = "if_ids of its routes"
	case link.IsVTI():
		mark = "its addresses"
	}
	for _, id := range ids {
		for _, sa := range facts.SAs[id] {
			if !link.IsVTI() || link.VTI.Carries(sa.Src, sa.Dst) {
				n++
			}
		}
	}
	switch {
	case facts.NoSAs:
		users = append(users, "perhaps SAs have "+mark+", which only root can read")
	case n > 0:
		users = append(users, fmt.Sprintf("SAs have %s (%d)", mark, n))
	}
	return users
}
