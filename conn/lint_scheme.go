package conn

import (
	"fmt"
	"slices"
)

// inMain tells whether a scheme has the tunnels' routes in main, and the way
// of ESP in the table.
func inMain(s Scheme) bool { return s == SchemeUnderlay || s == SchemeMarkUnderlay }

// tableFirst tells whether a scheme looks the table up before all of main.
func tableFirst(s Scheme) bool { return s == SchemeNotMark || s == SchemeTwoRules }

// attractPriority is the priority of the rule that leads to a route of a conn in
// its table.
func attractPriority(c *Conn, isDefault bool) uint32 {
	p := placeOf(c).priority
	switch s := schemeOf(c); {
	case s == SchemeOverlay && !isDefault:
		return p - 2
	case s == SchemeTwoRules && isDefault:
		return p + 1
	}
	return p
}

// escapePriority is the priority of the rule by which ESP of a tunnel gets past
// its own route, if there is one.
func (t *tunnel) escapePriority() (uint32, bool) {
	p, s := placeOf(t.Conn).priority, schemeOf(t.Conn)
	if t.enclosed() {
		s = SchemeOverlay
	}
	if !t.inside() && t.Escape != EscapePeer || s == SchemeNotMark {
		return 0, false
	}
	switch s {
	case SchemeOverlay:
		return p - rulesBelow, true
	case SchemeTwoRules:
		return p - 1, true
	}
	return p, true
}

// schemes finds conns that their scheme cannot serve.
func (l *linter) schemes() {
	notMark := map[uint32]*Conn{} // by table
	for i := range l.tunnels {
		t := &l.tunnels[i]
		if t.enclosed() {
			continue // which has no scheme
		}
		l.fixedLAN(t)
		l.ownNet(t)
		if schemeOf(t.Conn) != SchemeNotMark {
			continue
		}
		table := placeOf(t.Conn).table
		if other := notMark[table]; other == nil {
			notMark[table] = t.Conn
		} else if espMark(other) != espMark(t.Conn) {
			l.fail(t.Conn, espMarkKey(t.Conn), CodeMarkClash,
				fmt.Sprintf("scheme=not-mark has one rule for table %d, but ESP packets have %s here and %s in conn %q (%s), so those of one are led into the tunnel",
					table, espMark(t.Conn), espMark(other), other.Section, other.Pos),
				"give both the same mark-out=")
		}
	}
}

// fixedLAN finds a local-lan= that the layout does not allow.
func (l *linter) fixedLAN(t *tunnel) {
	s := schemeOf(t.Conn)
	wrong := t.LocalLAN == LocalLANDirect && tableFirst(s) || t.LocalLAN == LocalLANTunnel && inMain(s)
	if wrong && slices.ContainsFunc(t.demands, demand.isDefault) {
		l.fail(t.Conn, "local-lan", CodeUnsupported, fmt.Sprintf("%s needs scheme=overlay, here it is %s", t.LocalLAN, s), "")
	}
}

// ownNet finds a net behind this host that the table takes away: it is within
// the subnet of the peer, and its own route is in main. A single address may
// be of this host, which is looked up before everything.
func (l *linter) ownNet(t *tunnel) {
	if !tableFirst(schemeOf(t.Conn)) {
		return
	}
	for _, d := range t.demands {
		if d.ours.IsValid() && !d.ours.IsSingleIP() && d.theirs.Bits() < d.ours.Bits() && d.theirs.Contains(d.ours.Addr()) {
			l.fail(t.Conn, "scheme", CodeUnsupported, fmt.Sprintf("%s looks table %d up before main, so packets for %s on this side would go back into the tunnel to %s",
				schemeOf(t.Conn), placeOf(t.Conn).table, d.ours, d.theirs), "use scheme=overlay")
		}
	}
}
