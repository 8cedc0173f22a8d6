package conn

import (
	"fmt"
	"slices"
)

// escapeRule is the rule by which marked ESP and IKE packets go to table main,
// or with scheme=not-mark the one that lets them pass.
type escapeRule struct {
	mark Mark
	*tunnel
}

// marks finds marks that do not do what they are for: to tell ESP and IKE
// packets of this host from those that are still to be encrypted.
func (l *linter) marks() {
	type escapeKey struct {
		Mark
		passed bool // not led to main
	}
	var rules []escapeRule // one for each mark
	known := map[escapeKey]bool{}
	for i := range l.tunnels {
		t := &l.tunnels[i]
		l.zeroMark(t)
		m := t.escapeMark()
		key := escapeKey{m, schemeOf(t.Conn) == SchemeNotMark}
		if m.Set && !inMain(schemeOf(t.Conn)) && !known[key] {
			known[key] = true
			rules = append(rules, escapeRule{m, t})
		}
	}
	for i := range l.tunnels {
		if t := &l.tunnels[i]; inMain(schemeOf(t.Conn)) && t.inside() {
			l.loopingMark(t, rules)
		}
	}
	for i := range l.plain {
		l.policyMark(&l.plain[i], rules)
	}
}

// escapeMark is the mark of the rule that lets ESP of the tunnel escape; not
// set when there is no such rule.
func (t *tunnel) escapeMark() Mark {
	if !t.inside() && schemeOf(t.Conn) != SchemeNotMark || t.Escape == EscapePeer {
		return Mark{}
	}
	return espMark(t.Conn)
}

// espMark is what pluto puts on ESP and IKE packets.
func espMark(c *Conn) Mark {
	if c.MarkOut.Set {
		return c.MarkOut
	}
	return Mark{Value: c.Interface.IfID, Mask: 0xffffffff, Set: true}
}

// espMarkKey is the key that espMark comes from.
func espMarkKey(c *Conn) string {
	for _, key := range []string{"mark-out", "mark"} {
		if c.KeyPos(key) != c.Pos {
			return key
		}
	}
	return interfaceKey(c)
}

// zeroMark finds a mark that no rule can match, where one is needed.
func (l *linter) zeroMark(t *tunnel) {
	m := t.MarkOut
	if !m.Set || m.Value != 0 || t.Escape == EscapePeer {
		return
	}
	const text = "it marks nothing, so no rule can tell ESP and IKE packets from others; libreswan's own hook looks for the if_id instead"
	const hint = "give it a value other than 0, or leave it out"
	switch {
	case t.inside() || schemeOf(t.Conn) == SchemeUnderlay || schemeOf(t.Conn) == SchemeNotMark:
		l.fail(t.Conn, espMarkKey(t.Conn), CodeMarkOutZero, text, hint)
	case !t.peer.IsValid():
		l.warn(t.Conn, espMarkKey(t.Conn), CodeMarkOutZero, text, hint)
	}
}

// loopingMark finds the escape rule that takes ESP of a conn first whose scheme
// has the route into the tunnel in main, where the rule leads.
func (l *linter) loopingMark(t *tunnel, rules []escapeRule) {
	m := espMark(t.Conn)
	i := slices.IndexFunc(rules, func(r escapeRule) bool {
		return schemeOf(r.Conn) != SchemeNotMark && m.Value&r.mark.Mask == r.mark.Value && placeOf(r.Conn).priority <= placeOf(t.Conn).priority && r.peer.Is4() == t.peer.Is4()
	})
	if i < 0 {
		return
	}
	r := rules[i]
	l.fail(t.Conn, espMarkKey(t.Conn), CodeMarkClash,
		fmt.Sprintf("ESP packets with %s match the escape rule for %s of conn %q (%s), which sends them to main; there scheme=%s leads them back into %s",
			m, r.mark, r.Section, r.Pos, schemeOf(t.Conn), t.Interface.Name),
		"give the two conns different marks")
}

// policyMark finds packets that a conn without interface is to protect, by
// their mark, and that an escape rule takes for encrypted ones.
func (l *linter) policyMark(t *tunnel, rules []escapeRule) {
	m := t.MarkOut
	if !m.Set || m.Value == 0 {
		return
	}
	i := slices.IndexFunc(rules, func(r escapeRule) bool { return (m.Value^r.mark.Value)&m.Mask&r.mark.Mask == 0 })
	if i < 0 {
		return
	}
	r := rules[i]
	l.warn(t.Conn, espMarkKey(t.Conn), CodeMarkClash,
		fmt.Sprintf("packets with %s are to be protected here, but match %s of conn %q (%s) too, which means encrypted already: they go past its table %d",
			m, r.mark, r.Section, r.Pos, placeOf(r.Conn).table),
		"use marks that differ in the bits of both masks")
}
