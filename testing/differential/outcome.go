package differential

import (
	"math"
	"regexp"
	"strconv"

	"github.com/ipsecif/ipsecif/conn"
)

// outcome turns conn's reading of the rewritten case into what 5.2 prints.
func (p *prediction) outcome() Prediction {
	failed := map[string]bool{} // conns whose sections cannot be merged
	for _, d := range p.problems {
		switch {
		case d.Code == conn.CodeConflictKey || isMergeDuplicate(d):
			failed[d.Conn] = p.clash(d) || failed[d.Conn]
		case d.Code == conn.CodeAlsoNotFound:
			failed[d.Conn] = true
		case d.Code == conn.CodeIncludeContinued && p.may(includeEnds):
			p.use(includeEnds)
			return Prediction{Refused: true, Explained: p.used}
		case d.Severity == conn.Error:
			return Prediction{Refused: true, Explained: p.used}
		}
	}
	if p.may(includeEnds) && blanksAfterInclude.MatchString(p.files[mainFile]) {
		p.use(includeEnds)
		return Prediction{Refused: true, Explained: p.used}
	}
	if why := p.refusedKey(); why != "" {
		p.use(why)
		return Prediction{Refused: true, Explained: p.used}
	}
	out := new(printer)
	before, _ := p.inherited()
	setup, _ := p.values(p.loaded.Setup.Keys, true)
	out.setup(setup)
	for _, s := range p.loaded.Sections {
		values, clash := p.values(s.Keys, false)
		if s.Name != ignoredDefault {
			out.conn(section{name: s.Name, values: values, failed: failed[s.Name] || clash}, before)
		}
	}
	return Prediction{Text: restore(out.out.String()), Explained: p.used}
}

// blanksAfterInclude matches a file that ends, without newline, in an indented
// line that says nothing, which only a section may contain.
var blanksAfterInclude = regexp.MustCompile(`(?:^|\n)include[ \t][^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]+(?:#[^\n]*)?$`)

// refusedKey returns why 5.2 refuses a key that conn takes.
func (p *prediction) refusedKey() string {
	for _, kv := range p.visible() {
		k, _, known := p.keyOf(kv.Pos)
		switch {
		case !known && p.may(unknownKey):
			return unknownKey
		case k != nil && kv.Value == "" && k.isPublicKey() && p.may(emptyPublicKey):
			return emptyPublicKey
		}
	}
	return ""
}

// clash tells whether 5.2 takes a key that also= set before for a conflict.
func (p *prediction) clash(d conn.Diagnostic) bool {
	ours := d.Severity == conn.Error
	k, _, _ := p.keyOf(d.Pos)
	if k == nil {
		if ours && p.may(ownConflict) {
			p.use(ownConflict)
			return false
		}
		return ours
	}
	if !k.isNumber() {
		if ours {
			return true
		}
		if p.may(equalStrings) {
			p.use(equalStrings)
			return true
		}
		return false
	}
	theirs := !p.equal(k, d)
	if theirs != ours && p.may(sameMeaning) {
		p.use(sameMeaning)
		return theirs
	}
	return ours
}

// equal compares the value at a problem with the one that the conn has.
func (p *prediction) equal(k *key, d conn.Diagnostic) bool {
	for i := range p.loaded.Sections {
		s := &p.loaded.Sections[i]
		if s.Name != d.Conn {
			continue
		}
		old, _ := s.Get(d.Key)
		a, _ := k.stored(old.Value)
		b, _ := k.stored(p.files.valueAt(d.Pos))
		if k.kind == unsigned || k.kind == binary || k.kind == byteCount {
			n, _ := strconv.ParseInt(b, 10, 64)
			return a == b && n >= 0 && n <= math.MaxInt32
		}
		return a == b
	}
	return false
}

// values returns the stored fields of a section. In a conn the first of two
// keys that share a field counts, and they clash unless one is a default; in
// config setup and in %default the last one counts.
func (p *prediction) values(keys []conn.KeyValue, last bool) (values map[string]string, clash bool) {
	values = map[string]string{}
	for _, kv := range keys {
		k, side, known := p.keyOf(kv.Pos)
		if !known || k == nil {
			continue
		}
		field := side + k.fieldName()
		if _, ok := values[field]; !ok || last {
			values[field] = kv.Value
		} else if p.may(espAndAH) {
			p.use(espAndAH)
			clash = clash || !p.isDefault(kv.Pos)
		}
	}
	return values, clash
}

func (p *prediction) isDefault(pos conn.Pos) bool {
	for i := range p.defaults {
		if p.defaults[i].Pos == pos {
			return true
		}
	}
	return false
}
