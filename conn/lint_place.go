package conn

import (
	"cmp"
	"fmt"
	"slices"
)

// Where rules and routes go without table= and rule-priority=.
const (
	defaultTable    = 50
	defaultPriority = 100
)

// The same for conns with route-by=source, whose tables come after sourceTable
// by their if_ids.
const (
	sourceTable    = 50_000_000
	sourcePriority = 90
)

// Tables that the kernel uses itself (RT_TABLE_* of linux/rtnetlink.h).
var reservedTables = map[uint32]string{253: "default", 254: "main", 255: "local"}

// Rules take the priorities from rulesBelow under rule-priority= to rulesAbove
// over it.
const (
	rulesBelow = 3
	rulesAbove = 1
)

// place is the table of a conn and the priority of its rules.
type place struct {
	table, priority uint32
	bySource        bool
}

func placeOf(c *Conn) place {
	if c.RouteBy == RouteBySource {
		return place{sourceTable + c.Interface.IfID, cmp.Or(c.RulePriority, sourcePriority), true}
	}
	return place{cmp.Or(c.Table, defaultTable), cmp.Or(c.RulePriority, defaultPriority), false}
}

func schemeOf(c *Conn) Scheme { return cmp.Or(c.Scheme, SchemeOverlay) }

// places finds tables and priorities that conns cannot have, or not together.
func (l *linter) places() {
	byTable := map[uint32]*Conn{}
	byPlace := map[place]*Conn{}
	lan := map[uint32]*tunnel{}
	for i := range l.tunnels {
		t := &l.tunnels[i]
		l.bySource(t.Conn)
		l.proxied(t.Conn)
		if t.enclosed() {
			continue // no rules, and a table of its own
		}
		c, p := t.Conn, placeOf(t.Conn)
		l.checkPlace(c, p)
		if byPlace[p] == nil {
			byPlace[p] = c
		}
		if other := byTable[p.table]; other == nil {
			byTable[p.table] = c
		} else {
			l.shared(c, other)
		}
		if schemeOf(c) != SchemeOverlay || c.RouteBy == RouteBySource || !slices.ContainsFunc(t.demands, demand.isDefault) {
			continue
		}
		if other := lan[p.table]; other == nil {
			lan[p.table] = t
		} else if t.lanInTunnel() != other.lanInTunnel() {
			l.fail(c, "local-lan", CodeLocalLANClash, fmt.Sprintf("conn %q (%s) has a default route in table %d too, and another local-lan=",
				other.Section, other.Pos, p.table), "give both the same value")
		}
	}
	l.neighbours(byPlace)
}

func (t *tunnel) lanInTunnel() bool { return t.LocalLAN == LocalLANTunnel }

// checkPlace checks table= and rule-priority= of one conn.
func (l *linter) checkPlace(c *Conn, p place) {
	if name, ok := reservedTables[p.table]; ok {
		l.fail(c, "table", CodeReservedTable, fmt.Sprintf("%d is the table %q, which every host has for its own routes", p.table, name),
			"use another number")
	}
	const lowest, highest = 1 + rulesBelow, maxRulePriority - rulesAbove
	if p.priority < lowest || p.priority > highest {
		l.fail(c, "rule-priority", CodePriorityRange,
			fmt.Sprintf("rules take the priorities from %d below to %d above it, which leaves %d to %d", rulesBelow, rulesAbove, lowest, highest), "")
	}
}

// shared compares two conns that have a table in common.
func (l *linter) shared(c, other *Conn) {
	p, q := placeOf(c), placeOf(other)
	switch {
	case schemeOf(c) != schemeOf(other):
		l.fail(c, "scheme", CodeSchemeClash, fmt.Sprintf("table %d is for scheme=%s here and for scheme=%s in conn %q (%s)",
			p.table, schemeOf(c), schemeOf(other), other.Section, other.Pos),
			"give one of them another table= and rule-priority=")
	case p.priority != q.priority:
		l.fail(c, "rule-priority", CodePriorityClash, fmt.Sprintf("table %d is looked up with the priority %d here and %d in conn %q (%s), so ESP of one is led into the tunnel of the other or its own",
			p.table, p.priority, q.priority, other.Section, other.Pos),
			"give both the same priority, or one of them another table=")
	}
}

// neighbours finds tables whose rules have priorities in common.
func (l *linter) neighbours(byPlace map[place]*Conn) {
	places := make([]place, 0, len(byPlace))
	for p := range byPlace {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.table, b.table))
	})
	for i := 1; i < len(places); i++ {
		p, q := places[i-1], places[i]
		together := p.bySource && q.bySource && p.priority == q.priority
		if p.table == q.table || q.priority-p.priority > rulesBelow+rulesAbove || together {
			continue
		}
		c, other := byPlace[q], byPlace[p]
		l.fail(c, "rule-priority", CodePriorityClash, fmt.Sprintf("the rules for table %d around %d and those for table %d around %d in conn %q (%s) get mixed up",
			q.table, q.priority, p.table, p.priority, other.Section, other.Pos),
			fmt.Sprintf("keep rule-priority= of two tables at least %d apart", rulesBelow+rulesAbove+1))
	}
}
