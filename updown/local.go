package updown

import (
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Locals returns what says which end of a conn is this host. Of few conns with
// addresses it is no more than what they need.
func (e *Engine) Locals(conns []conn.Conn) (conn.Locals, error) {
	q := plan.Query{}
	if len(conns) <= few && !slices.ContainsFunc(conns, byPlace) {
		q.Near = &plan.Near{}
		for i := range conns {
			for _, end := range []conn.End{conns[i].Left, conns[i].Right} {
				if end.Host.Addr.IsValid() {
					q.Near.Addrs = append(q.Near.Addrs, end.Host.Addr)
				}
			}
		}
	}
	have, err := e.Kernel.Observe(q)
	return have.Facts.Locals, err
}

// Local drops the conns that have no end on this host from the list itself, and
// returns them.
func (e *Engine) Local(conns []conn.Conn, l conn.Locals) (here, elsewhere []conn.Conn) {
	facts := plan.Facts{Locals: l, Names: e.Names}
	here = slices.DeleteFunc(conns, func(c conn.Conn) bool {
		away := plan.Elsewhere(&c, facts)
		if away {
			elsewhere = append(elsewhere, c)
		}
		return away
	})
	return here, elsewhere
}
