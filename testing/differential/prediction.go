package differential

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// Prediction is what readwriteconf 5.2 must do with a case.
type Prediction struct {
	Refused   bool
	Text      string   // what it prints, empty when it refuses
	Explained []string // the differences that were needed, in order
}

// maxRounds bounds the places of a case that are rewritten.
const maxRounds = 10000

// Predict works out what readwriteconf 5.2 does with a case from what conn
// makes of it. The explanations named in without are not used.
func Predict(files Files, without ...string) Prediction {
	p := &prediction{files: files.clone(), without: without, standIns: map[string]string{}}
	p.load()
	for range maxRounds {
		if !p.explainNext() && !p.tellTwinsApart() {
			return p.outcome()
		}
		p.load()
	}
	panic(fmt.Sprintf("differential: no end of rewriting %q by %v", p.files, p.used))
}

// prediction is the state of the work on one case.
type prediction struct {
	files    Files
	without  []string
	used     []string
	standIns map[string]string // place of a line -> key of 5.2 that it stands for

	loaded   *conn.File
	problems conn.Diagnostics
	defaults []conn.KeyValue // what a conn without keys of its own inherits
}

// load reads the case as it was rewritten so far.
func (p *prediction) load() {
	p.loaded, p.problems = conn.Load(p.files, mainFile)
	probe := p.files.clone()
	probe[mainFile] += "\nconn probe\n"
	f, _ := conn.Load(probe, mainFile)
	p.defaults = nil
	if n := len(f.Sections); n > 0 {
		p.defaults = f.Sections[n-1].Keys
	}
}

// tellTwinsApart renames all but the first of several conns of one name, which
// nothing can refer to, so that problems name one of them.
func (p *prediction) tellTwinsApart() bool {
	seen := map[string]bool{}
	places := map[string]bool{} // a file may be included twice
	changed := false
	for i, s := range p.loaded.Sections {
		if seen[s.Name] && s.Name != ignoredDefault && !places[place(s.Pos)] {
			name := s.Name + "\x01" + strconv.Itoa(i) + "\x01"
			if !strings.Contains(name, `"`) {
				name = `"` + name + `"`
			}
			p.files.setLine(s.Pos, "conn "+name)
			changed = true
		}
		seen[s.Name] = true
		places[place(s.Pos)] = true
	}
	return changed
}

// explainNext applies one explanation at one place.
func (p *prediction) explainNext() bool {
	for _, e := range List() {
		if e.rewrite != nil && p.may(e.Name) && e.rewrite(p) {
			p.use(e.Name)
			return true
		}
	}
	return false
}

// may tells whether an explanation is allowed.
func (p *prediction) may(name string) bool { return !slices.Contains(p.without, name) }

func (p *prediction) use(name string) {
	if !slices.Contains(p.used, name) {
		p.used = append(p.used, name)
	}
}

// place identifies a line; rewriting never adds or removes one.
func place(pos conn.Pos) string { return fmt.Sprintf("%s:%d", path.Clean(pos.File), pos.Line) }

// keyOf returns the row of 5.2 for the key that is spelled at a place: nil for
// one of our own that is a comment for 5.2, and not known when 5.2 refuses it.
func (p *prediction) keyOf(pos conn.Pos) (k *key, side string, known bool) {
	if name := p.standIns[place(pos)]; name != "" {
		k, side = findKey(name)
		return k, side, true
	}
	spelled := p.files.wordAt(pos)
	if strings.HasPrefix(strings.ToLower(spelled), "x-") {
		return nil, "", true
	}
	k, side = findKey(spelled)
	return k, side, k != nil
}

// visible returns all keys that conn kept, those of %default included, and
// those that it refused because also= had set them.
func (p *prediction) visible() []conn.KeyValue {
	list := slices.Concat(p.loaded.Setup.Keys, p.defaults)
	for i := range p.loaded.Sections {
		list = append(list, p.loaded.Sections[i].Keys...)
	}
	for _, d := range p.problems {
		if d.Code == conn.CodeConflictKey || isMergeDuplicate(d) {
			list = append(list, conn.KeyValue{Key: d.Key, Value: p.files.valueAt(d.Pos), Pos: d.Pos})
		}
	}
	return list
}

// isMergeDuplicate tells whether a warning is about a key that also= sets to
// the same value again, and not about a key that is twice in one section.
func isMergeDuplicate(d conn.Diagnostic) bool {
	return d.Code == conn.CodeDuplicateKey && strings.HasPrefix(d.Text, "it is set to the same value")
}
