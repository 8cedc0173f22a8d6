package conn

import (
	"slices"
	"strings"
)

// most4 is how many also= libreswan 4.10 follows for one conn.
const most4 = 31

// part is what a section adds to a list value.
type part struct {
	key     keyID // canonical
	section int
}

// compare4 compares how libreswan 4.10 takes in other conns: breadth first and
// behind the conn's own keys, where they are taken in at the place of also=
// here. Keys hide that, lists show it.
func (m *merger) compare4(own int, keys []KeyValue) {
	if !m.p.shared || m.alsos == 0 {
		return
	}
	if m.alsos > most4 {
		m.p.note4(Diagnostic{Pos: m.p.sections[own].pos, Conn: m.name, Key: "also",
			Text: "libreswan 4.10 follows no more than " + decimal(most4) + " also= for one conn and does not load it, libreswan 5 follows all",
			Hint: "copy keys, or move them to conn %default"})
		return
	}
	var order []int // of sections
	for i := range keys {
		kv := &keys[i]
		if kv.id.row().flags&appended == 0 {
			continue
		}
		var now []int
		for _, part := range m.parts {
			if part.key == kv.id.canonical() {
				now = append(now, part.section)
			}
		}
		if len(now) < 2 {
			continue
		}
		if order == nil {
			order = m.order4(own)
		}
		if !slices.IsSortedFunc(now, func(a, b int) int { return slices.Index(order, a) - slices.Index(order, b) }) {
			m.p.note4(Diagnostic{Pos: kv.ValuePos(), Conn: m.name, Key: kv.Key,
				Text: "libreswan 4.10 joins the list in another order, own values first, libreswan 5 in that of the file",
				Hint: "write also= behind the other keys of the conn"})
		}
	}
}

// order4 returns the sections of a conn in the order of libreswan 4.10.
func (m *merger) order4(own int) []int {
	order := []int{own}
	for i := 0; i < len(order); i++ {
		for _, kv := range m.p.sections[order[i]].keys {
			if target, ok := m.byName[kv.Value]; ok && kv.id.row().flags&also != 0 && !slices.Contains(order, target) {
				order = append(order, target)
			}
		}
	}
	return order
}

// also4 compares the conn that a value of also= names.
func (m *merger) also4(kv *KeyValue) {
	if strings.ContainsAny(kv.Value, " \t") {
		m.p.note4(Diagnostic{Pos: kv.ValuePos(), Conn: m.name, Key: kv.Key,
			Text: "libreswan 4.10 takes " + quote(kv.Value) + " for a list of conns, libreswan 5 for one name", Hint: "rename the conn"})
	}
}
