package conn

import "fmt"

// bySource finds values that do not go with route-by=source, and tables that
// belong to it.
func (l *linter) bySource(c *Conn) {
	switch {
	case c.RouteBy != RouteBySource:
		if c.Table >= sourceTable {
			l.fail(c, "table", CodeReservedTable, fmt.Sprintf("tables from %d on are for conns with route-by=source", uint32(sourceTable)), "use a smaller number")
		}
	case c.VRF != "":
		l.fail(c, "route-by", CodeUnsupported, "in a VRF the device of a packet decides, not its source", "leave vrf= out")
	case c.Netns != "":
		l.fail(c, "route-by", CodeUnsupported, "rules in another network namespace are not supported", "leave netns= out")
	case c.Table != 0:
		l.fail(c, "table", CodeUnsupported, fmt.Sprintf("with route-by=source the table is %d and the if_id", uint32(sourceTable)), "leave it out")
	case schemeOf(c) != SchemeOverlay:
		l.fail(c, "route-by", CodeUnsupported, fmt.Sprintf("source needs scheme=overlay, here it is %s", schemeOf(c)), "leave scheme= out")
	case sourceTable+c.Interface.IfID <= sourceTable:
		l.fail(c, "route-by", CodeUnsupported, fmt.Sprintf("the if_id %d is too large: the table would be %d and the if_id", c.Interface.IfID, uint32(sourceTable)),
			"use a smaller if_id")
	}
}

// sources finds conns with route-by=source that have packets in common.
func (l *linter) sources() {
	type sourced struct {
		*Conn
		d demand
	}
	var all []sourced
	for i := range l.tunnels {
		t := &l.tunnels[i]
		for _, d := range t.demands {
			if t.RouteBy == RouteBySource && d.attracts() && d.ours.IsValid() {
				all = append(all, sourced{t.Conn, d})
			}
		}
	}
	for i, p := range all {
		for _, q := range all[:i] {
			same := placeOf(p.Conn).priority == placeOf(q.Conn).priority && p.d.isDefault() == q.d.isDefault()
			if same && p.Interface != q.Interface && p.d.ours.Overlaps(q.d.ours) && p.d.theirs.Overlaps(q.d.theirs) {
				l.fail(p.Conn, "route-by", CodeSourceClash, fmt.Sprintf("packets from %s to %s match those from %s to %s of conn %q (%s) too, and both have rule-priority=%d",
					p.d.ours, p.d.theirs, q.d.ours, q.d.theirs, q.Name, q.Pos, placeOf(q.Conn).priority), "give the one for fewer packets a rule-priority= that is 5 lower")
			}
		}
	}
}
