package differential

import (
	"regexp"

	"github.com/ipsecif/ipsecif/conn"
)

// inherited is what the conn %default sections leave behind in every conn of
// 5.2, beside the values that the conn may replace.
type inherited struct {
	state derived
	ends  [2]end
}

// ignoredDefault is the name of the conns that stand for a conn %default that
// 5.2 does not read.
const ignoredDefault = "\x04"

var defaultHeader = regexp.MustCompile(`(?m)^conn[ \t]*(?:"%default"|\{%default\}|[ \t]%default)([ \t]|$)`)

// defaultSections returns the conn %default sections one by one, in the order in
// which they are read. conn only has them joined, so it is given a copy in which
// they are usual conns.
func (p *prediction) defaultSections() []conn.Section {
	files := p.files.clone()
	const probe = "\x05"
	for name, text := range files {
		files[name] = defaultHeader.ReplaceAllString(text, "conn "+probe+"$1")
	}
	loaded, _ := conn.Load(files, mainFile)
	var sections []conn.Section
	for _, s := range loaded.Sections {
		if s.Name == probe {
			sections = append(sections, s)
		}
	}
	return sections
}

// inherited reads the conn %default sections as 5.2 does: each one changes what
// is inherited, and a faulty one is the last one. It returns the headers of
// those that are not read.
func (p *prediction) inherited() (inherited, []conn.Pos) {
	var all inherited
	joined := map[string]string{}
	sections := p.defaultSections()
	for i, s := range sections {
		values, _ := p.values(s.Keys, true)
		for field, value := range values {
			joined[field] = value // joined lists have no part in what is inherited here
		}
		all.state = derive(all.state, joined)
		faulty := all.state.authbyWrong
		if !faulty {
			all.ends = validateEnds(all.ends, joined)
			faulty = all.ends[0].faulty || all.ends[1].faulty
		}
		if !faulty {
			continue
		}
		var ignored []conn.Pos
		for _, s := range sections[i+1:] {
			ignored = append(ignored, s.Pos)
		}
		return all, ignored
	}
	return all, nil
}

func rewriteBrokenDefault(p *prediction) bool {
	_, ignored := p.inherited()
	for _, pos := range ignored {
		p.files.setLine(pos, "conn "+ignoredDefault)
	}
	return len(ignored) > 0
}
