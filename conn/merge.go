package conn

import (
	"slices"
	"strings"
)

// merger resolves also= and %default, one conn after the other.
type merger struct {
	p        *parser
	byName   map[string]int // section name -> index of the first of that name
	defaults []KeyValue     // keys of all %default sections
	visited  []int          // index of section -> number of the conn that visited it
	steps    int
	total    int // merged keys so far
	joined   int // bytes of joined list values so far

	// Of the conn that is being merged.
	name   string
	own    int // index of its section
	number int // counted from 1
	keys   []KeyValue
	slots  []slot // canonical keyID -> place in keys
	parts  []part // of list values, in their order
	alsos  int    // also= followed
	broken bool
}

// slot remembers where a key of the section with that number is.
type slot struct{ number, index int }

// merge makes a File of what the parser found.
func (p *parser) merge() *File {
	f := &File{shared: p.shared, order: p.order, first: make(map[string]int, len(p.sections))}
	f.Setup = Section{Pos: p.setup.pos, Keys: p.setup.keys, Broken: p.setup.broken}
	m := &merger{p: p, byName: make(map[string]int, len(p.sections)),
		visited: make([]int, len(p.sections)), slots: make([]slot, 2*len(keywords))}
	for i := range p.sections {
		if _, ok := m.byName[p.sections[i].name]; !ok {
			m.byName[p.sections[i].name] = i
		}
	}
	broken := m.mergeDefaults()
	f.Sections = make([]Section, 0, len(p.sections))
	indexes := make([]int, 0, len(p.sections)) // of the raw sections
	for i := range p.sections {
		raw := &p.sections[i]
		if raw.name == defaultName {
			continue
		}
		if first, ok := f.first[raw.name]; ok {
			p.add(Diagnostic{Pos: raw.pos, Severity: Warning, Code: CodeDuplicateConn, Conn: raw.name,
				Text: "there is a conn of this name at " + f.Sections[first].Pos.String() + ", which counts",
				Hint: "rename one of them"})
		} else {
			f.first[raw.name] = len(f.Sections)
		}
		section := m.mergeConn(i)
		section.Broken = section.Broken || broken
		f.Sections = append(f.Sections, section)
		indexes = append(indexes, i)
	}
	for i, raw := range indexes {
		f.Sections[i].template = p.sections[raw].template
	}
	return f
}

// mergeDefaults joins the %default sections: later ones replace the keys of
// earlier ones.
func (m *merger) mergeDefaults() (broken bool) {
	m.number++
	for i := range m.p.sections {
		raw := &m.p.sections[i]
		if raw.name != defaultName {
			continue
		}
		broken = broken || raw.broken
		for _, kv := range raw.keys {
			old := m.have(kv.id)
			switch {
			case old == nil:
				m.append(kv)
			case kv.id.row().flags&appended != 0:
				m.join(old, *old, kv)
			default:
				*old = kv
			}
		}
	}
	m.defaults = slices.Clone(m.keys)
	m.keys = m.keys[:0]
	return broken
}

// mergeConn resolves one conn section.
func (m *merger) mergeConn(i int) Section {
	raw := &m.p.sections[i]
	m.number++
	if m.isPlain(raw) {
		m.total += len(raw.keys)
		return Section{Name: raw.name, Pos: raw.pos, Keys: raw.keys, Broken: raw.broken || m.p.stopped}
	}
	m.number++
	m.name, m.own, m.keys, m.broken = raw.name, i, m.keys[:0], false
	m.parts, m.alsos = m.parts[:0], 0
	m.expand(i, 0)
	m.compare4(i, m.keys)
	for _, kv := range m.defaults {
		old := m.have(kv.id)
		switch {
		case old == nil:
			m.append(kv)
		case kv.id.row().flags&appended != 0:
			m.join(old, kv, *old)
		}
	}
	m.steps += len(m.defaults)
	m.total += len(m.keys)
	if m.total > m.p.limits.keys {
		m.p.stop(raw.pos, "the conns have more than %d keys together", m.p.limits.keys)
	}
	return Section{Name: raw.name, Pos: raw.pos, Keys: slices.Clone(m.keys), Broken: m.broken || m.p.stopped}
}

// isPlain tells whether there is nothing to merge into a section, so that it
// needs no copy of its keys.
func (m *merger) isPlain(raw *rawSection) bool {
	if len(m.defaults) > 0 {
		return false
	}
	for i := range raw.keys {
		id := raw.keys[i].id
		s := &m.slots[id.canonical()]
		if s.number == m.number || id.row().flags&also != 0 {
			return false
		}
		s.number = m.number
	}
	return true
}

// expand adds the keys of a section, and those of also= at their place. A
// section is used once for each conn, which makes cycles harmless.
func (m *merger) expand(i, depth int) {
	raw := &m.p.sections[i]
	if m.visited[i] == m.number || m.p.stopped {
		return
	}
	m.visited[i] = m.number
	m.broken = m.broken || raw.broken
	m.steps += len(raw.keys) + 1
	switch {
	case depth > m.p.limits.alsoDepth:
		m.broken = true
		m.p.stop(raw.pos, "also= nests sections more than %d deep", m.p.limits.alsoDepth)
		return
	case m.steps > m.p.limits.mergeSteps:
		m.broken = true
		m.p.stop(raw.pos, "also= makes more than %d keys to be merged", m.p.limits.mergeSteps)
		return
	}
	for j := range raw.keys {
		kv := &raw.keys[j]
		if kv.id.row().flags&also == 0 {
			m.set(kv, i)
			continue
		}
		m.alsos++
		target, ok := m.byName[kv.Value]
		if !ok {
			m.report(Diagnostic{Pos: kv.ValuePos(), Code: CodeAlsoNotFound, Key: kv.Key,
				Text: "there is no conn " + quote(kv.Value), Hint: m.alsoHint(kv.Value)})
			continue
		}
		if target != m.own {
			m.p.sections[target].template = true
		}
		m.also4(kv)
		m.expand(target, depth+1)
	}
}

// alsoHint explains why the target of also= was not found.
func (m *merger) alsoHint(name string) string {
	if strings.ContainsAny(name, " ,\t") {
		return "also= takes one name, in libreswan 4.10 a list; repeat it for more"
	}
	return m.p.similarConn(name)
}

// set adds one key of the section with index from.
func (m *merger) set(kv *KeyValue, from int) {
	if kv.id.row().flags&appended != 0 {
		m.parts = append(m.parts, part{kv.id.canonical(), from})
	}
	old := m.have(kv.id)
	switch {
	case old == nil:
		m.append(*kv)
		return
	case kv.id.row().flags&appended != 0:
		m.join(old, *old, *kv)
		return
	}
	d := Diagnostic{Pos: kv.Pos, Severity: Warning, Code: CodeDuplicateKey, Key: kv.Key,
		Text: "it is set to the same value at " + old.Pos.String() + " already"}
	if !sameValue(old, kv) {
		d.Severity, d.Code = Error, CodeConflictKey
		d.Text = "it is set to " + quote(kv.Value) + " here and to " + quote(old.Value) + " at " + old.Pos.String()
		d.Hint = "also= replaces nothing; keep one of them or move it to conn %default"
		if from == m.own && old.id != kv.id {
			d.Hint = "both are spellings of one key; keep one of them"
		}
	}
	m.report(d)
}

// sameValue compares two values of one key as libreswan does: as text, but
// auto= by meaning.
func sameValue(a, b *KeyValue) bool {
	if a.Value == b.Value {
		return true
	}
	if a.id.row().kind != autoWord {
		return false
	}
	x, okA := parseWord(autoWord, a.Value)
	y, okB := parseWord(autoWord, b.Value)
	return okA && okB && x == y
}

// have returns the entry of a key in the conn that is being merged.
func (m *merger) have(id keyID) *KeyValue {
	s := m.slots[id.canonical()]
	if s.number != m.number {
		return nil
	}
	return &m.keys[s.index]
}

func (m *merger) append(kv KeyValue) {
	m.slots[kv.id.canonical()] = slot{m.number, len(m.keys)}
	m.keys = append(m.keys, kv)
}

// join makes dst the list of a followed by b.
func (m *merger) join(dst *KeyValue, a, b KeyValue) {
	for _, kv := range []KeyValue{a, b} {
		if strings.Contains(kv.Value, `"`) {
			m.report(Diagnostic{Pos: kv.ValuePos(), Code: CodeQuoteInList, Key: kv.Key,
				Text: "a list cannot contain a double quote"})
			return
		}
	}
	*dst = a
	m.joined += len(a.Value) + 1 + len(b.Value)
	if m.joined > m.p.limits.joined {
		m.p.stop(b.Pos, "list values joined by also= and %%default are longer than %d MB together", m.p.limits.joined>>20)
		return
	}
	dst.Value = a.Value + " " + b.Value // the blank is there even beside an empty value
}

// report adds a diagnostic about the conn that is being merged.
func (m *merger) report(d Diagnostic) {
	d.Conn = m.name
	m.broken = m.broken || d.Severity == Error
	m.p.add(d)
}
