package pluto

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/differential"
)

// mainFile is the name of the one file of a case.
const mainFile = "ipsec.conf"

// Prediction is what pluto 5.2 must do with the conns of one section.
type Prediction struct {
	Conns     map[string]Record // empty when it refuses them
	Problems  conn.Diagnostics  // what conn says about the section as it was rewritten
	Explained []string          // the differences that were needed, in order
}

// maxRounds bounds how often one section is rewritten.
const maxRounds = 100

// Predict works out what pluto 5.2 does with a section of a file from what conn
// makes of it, on a host with these addresses. The explanations named in without
// are not used.
func Predict(f *conn.File, s *conn.Section, locals conn.Locals, without ...string) Prediction {
	p := &prediction{name: s.Name, without: without, locals: locals}
	for _, kv := range s.Keys {
		p.keys = append(p.keys, key{kv.Key, kv.Value})
	}
	p.conns, p.problems = f.Lookup(s.Name)
	for range maxRounds {
		if !p.explainNext() {
			return p.outcome()
		}
		p.load()
	}
	panic(fmt.Sprintf("pluto: no end of rewriting conn %q by %v", s.Name, p.used))
}

// key is one key of a section and its value.
type key struct{ name, value string }

// prediction is the state of the work on one section.
type prediction struct {
	name    string
	keys    []key
	without []string
	used    []string
	locals  conn.Locals
	refused bool               // by 5.2, whatever conn says
	alter   []func(*conn.Conn) // what 5.2 takes otherwise
	adjust  []func(Record)     // what 5.2 shows otherwise

	conns    []conn.Conn
	problems conn.Diagnostics
}

// load reads the section as it was rewritten so far.
func (p *prediction) load() {
	var text strings.Builder
	fmt.Fprintf(&text, "conn %q\n", p.name)
	for _, k := range p.keys {
		fmt.Fprintf(&text, "\t%s=\"%s\"\n", k.name, k.value)
	}
	f, problems := conn.Load(differential.Files{mainFile: text.String()}, mainFile)
	conns, more := f.Conns()
	p.conns, p.problems = conns, append(problems, more...)
}

// explainNext applies one explanation at one place.
func (p *prediction) explainNext() bool {
	for _, e := range List() {
		if !slices.Contains(p.without, e.Name) && e.rewrite(p) {
			if !slices.Contains(p.used, e.Name) {
				p.used = append(p.used, e.Name)
			}
			return true
		}
	}
	return false
}

func (p *prediction) outcome() Prediction {
	out := Prediction{Conns: map[string]Record{}, Problems: p.problems, Explained: p.used}
	if p.refused || p.problems.Err() != nil {
		return out
	}
	for i := range p.conns {
		for _, alter := range p.alter {
			alter(&p.conns[i])
		}
		r := Expect(&p.conns[i], p.locals)
		for _, adjust := range p.adjust {
			adjust(r)
		}
		out.Conns[p.conns[i].Name] = r
	}
	return out
}

// wrong returns the place in keys of the first key of the names that conn
// refuses with this code, -1 for none.
func (p *prediction) wrong(code string, names ...string) int {
	for _, d := range p.problems {
		if d.Severity == conn.Error && d.Code == code && slices.Contains(names, d.Key) {
			return p.index(d.Key)
		}
	}
	return -1
}

// index returns the place of a key, -1 when it is not set.
func (p *prediction) index(name string) int {
	return slices.IndexFunc(p.keys, func(k key) bool { return k.name == name })
}

// value returns the value of a key, empty when it is not set.
func (p *prediction) value(name string) string {
	if i := p.index(name); i >= 0 {
		return p.keys[i].value
	}
	return ""
}

// drop removes a key.
func (p *prediction) drop(i int) { p.keys = slices.Delete(p.keys, i, i+1) }

// Differ describes all differences between what was predicted and what pluto
// did, empty when there is none.
func Differ(want, got map[string]Record) string {
	var b strings.Builder
	for _, name := range sortedKeys(want, got) {
		w, wanted := want[name]
		g, loaded := got[name]
		switch {
		case !loaded:
			fmt.Fprintf(&b, "conn %q: pluto refuses it, conn takes it\n", name)
		case !wanted:
			fmt.Fprintf(&b, "conn %q: pluto takes it, conn refuses it\n", name)
		default:
			for _, field := range sortedKeys(w, g) {
				if w[field] != g[field] {
					fmt.Fprintf(&b, "conn %q: %s: pluto shows %q, by conn it should be %q\n", name, field, g[field], w[field])
				}
			}
		}
	}
	return b.String()
}

func sortedKeys[V any](a, b map[string]V) []string {
	var names []string
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
