package plan

import (
	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
)

// bySource refuses what does not go with route-by=source, and tables that
// belong to it.
func (r *resolver) bySource() {
	_, fits := routing.SourceTableOf(r.c.Interface.IfID)
	switch s := scheme(r.c.Scheme); {
	case r.c.RouteBy != conn.RouteBySource:
		if routing.Table(r.c.Table) >= routing.SourceTable {
			r.refuse("table", "invalid-value", "choose a smaller number", "tables from %s on are for conns with route-by=source", routing.SourceTable)
		}
	case r.c.Link() == "": // see byPolicy
	case usesVTI(r.c):
		r.refuse("route-by", "unsupported", "set ipsec-interface= instead of vti-interface=", "source needs an if_id for its table, and a VTI device has none")
	case r.c.VRF != "":
		r.refuse("route-by", "unsupported", "leave vrf= out", "in a VRF the device of a packet decides, not its source")
	case r.c.Netns != "":
		r.refuse("route-by", "unsupported", "leave netns= out", "rules in another network namespace are not supported")
	case r.c.Table != 0:
		r.refuse("table", "unsupported", "leave it out", "with route-by=source the table is %s and the if_id", routing.SourceTable)
	case s != routing.Overlay:
		r.refuse("route-by", "unsupported", "leave scheme= out", "source needs scheme=overlay, here it is %s", s)
	case !fits:
		r.refuse("route-by", "unsupported", "choose a smaller if_id", "the if_id %d is too large: the table would be %s and the if_id",
			r.c.Interface.IfID, routing.SourceTable)
	}
}
