package conn

import (
	"slices"
	"strings"
)

// defaultName is the name of the conn sections whose keys apply to all conns.
const defaultName = "%default"

// rawSection is one section as it stands in the files, before merging.
type rawSection struct {
	name   string
	pos    Pos
	keys   []KeyValue
	broken bool

	template bool // another conn takes it in by also=
}

// state tells what an indented line belongs to.
type state uint8

const (
	outside   state = iota // nothing: such a line is an error
	inSection              // parser.cur
	skipping               // a header that was reported as wrong; lines are passed over
)

// parser collects sections from all files.
type parser struct {
	reader
	notes4   notes4
	shared   bool // libreswan reads the files too
	setup    rawSection
	sections []rawSection

	state     state
	cur       *rawSection // for inSection
	keys      []KeyValue  // storage that the sections share
	start     int         // index in keys of the first key of cur
	continued bool        // cur was left open by an included file
	started   bool        // something other than comments was seen: too late for version

	headers   int    // number of section headers so far
	seen      []slot // keyID -> section in which it was last seen, and where
	total     int    // keys so far
	includes  int    // include statements so far
	backslash bool   // the line before ended with a backslash
	included  bool   // an include is the last header
}

// openSection begins a section; conn is false for config setup.
func (p *parser) openSection(conn bool, name string, pos Pos) {
	p.closeSection()
	p.headers++
	p.state = inSection
	if !conn {
		if p.setup.pos == (Pos{}) {
			p.setup.pos = pos
		}
		p.cur = &p.setup
		if len(p.setup.keys) > 0 {
			p.setup4(pos)
		}
		for i := range p.setup.keys { // sections of this kind are one
			kv := &p.setup.keys[i]
			p.appendKey(kv)
			p.seen[p.seenID(kv.id)] = slot{p.headers, i}
		}
		return
	}
	p.sections = append(p.sections, rawSection{name: name, pos: pos})
	p.cur = &p.sections[len(p.sections)-1]
	if len(p.sections) > p.limits.sections {
		p.stop(pos, "there are more than %d conns", p.limits.sections)
	}
}

// open returns the keys of the open section.
func (p *parser) open() []KeyValue { return p.keys[p.start:] }

// appendKey adds a key to the open section. Sections lie one after the other
// in blocks of storage, which saves a copy of each.
func (p *parser) appendKey(kv *KeyValue) {
	if len(p.keys) == cap(p.keys) {
		open := p.open()
		size := max(min(2*cap(p.keys), keyBlock), 2*len(open), 64)
		p.keys, p.start = append(make([]KeyValue, 0, size), open...), 0
	}
	p.keys = append(p.keys, *kv)
	p.total++
	if p.total > p.limits.keys {
		p.stop(kv.Pos, "there are more than %d keys", p.limits.keys)
	}
}

// keyBlock is the usual number of keys in a block of storage.
const keyBlock = 4096

// closeSection stores the keys of the section that was open.
func (p *parser) closeSection() {
	if p.cur != nil {
		p.cur.keys = slices.Clip(p.open())
		p.start = len(p.keys)
		p.cur = nil
	}
	p.state = outside
	p.continued = false
}

// isSetup tells whether the open section is config setup.
func (p *parser) isSetup() bool { return p.cur == &p.setup }

// report adds a diagnostic about the open section and marks it broken when it
// is an error.
func (p *parser) report(d Diagnostic) {
	if p.cur != nil {
		d.Conn = p.cur.name
		if d.Severity == Error {
			p.cur.broken = true
		}
	}
	p.add(d)
}

// parseText reads the lines of one file.
func (p *parser) parseText(src *source) {
	for !p.stopped && p.nextLine(src) {
		if src.isEmptyOrComment() {
			p.backslash = false
			continue
		}
		if isBlank(src.line[0]) {
			p.parseIndented(src)
		} else {
			p.parseHeader(src)
		}
		p.backslash = strings.HasSuffix(src.line, `\`)
	}
}

// parseHeader reads a line that begins in the first column.
func (p *parser) parseHeader(src *source) {
	line := src.line
	end := wordEnd(line, 0)
	started := p.started
	p.started = true
	p.included = false
	p.closeSection()
	switch line[:end] {
	case "version":
		p.state = skipping
		if started {
			p.add(Diagnostic{Pos: src.pos(0), Code: CodeLateVersion,
				Text: "version is allowed as the first statement only", Hint: "remove the line, its value is ignored anyway"})
			return
		}
		if _, _, ok := p.argument(src, end, "a version"); ok {
			p.state = outside
		}
	case "config":
		p.parseConfig(src, end)
	case "conn":
		p.state = skipping
		if name, _, ok := p.argument(src, end, "a name"); ok {
			p.openSection(true, name, src.pos(0))
		}
	case "include":
		p.state = skipping
		if pattern, at, ok := p.argument(src, end, "a file name"); ok {
			p.state = outside
			p.include(src, pattern, src.pos(at))
		}
	default:
		p.state = skipping
		p.unexpectedHeader(src, line[:end])
	}
}

// parseConfig reads the rest of a line that begins with config.
func (p *parser) parseConfig(src *source, i int) {
	p.state = skipping
	line := src.line
	i = skipBlanks(line, i)
	end := wordEnd(line, i)
	if line[i:end] != "setup" {
		p.add(Diagnostic{Pos: src.pos(i), Code: CodeSyntax,
			Text: "the only config section is \"config setup\""})
		return
	}
	if p.lineEnd(src, end, -1) {
		p.openSection(false, "", src.pos(0))
	}
}

// argument reads the one word behind conn, include and version. It returns
// the index of the word.
func (p *parser) argument(src *source, i int, what string) (value string, at int, ok bool) {
	line := src.line
	i = skipBlanks(line, i)
	if i == len(line) {
		p.add(Diagnostic{Pos: src.pos(i), Code: CodeMissingName, Text: what + " is missing"})
		return "", 0, false
	}
	value, at, end := scanValue(line, i)
	if value == "" {
		p.add(Diagnostic{Pos: src.pos(i), Code: CodeMissingName, Text: what + " is missing"})
		return "", 0, false
	}
	return value, at, p.lineEnd(src, end, i)
}

// unexpectedHeader reports a line in the first column that begins no section.
func (p *parser) unexpectedHeader(src *source, word string) {
	d := Diagnostic{Pos: src.pos(0), Code: CodeSyntax,
		Text: "a line that begins in the first column must begin with conn, config setup, include or #"}
	lower := asciiLower(word)
	rest := src.line[skipBlanks(src.line, len(word)):]
	switch {
	case strings.HasPrefix(word, "#"):
		d.Code = CodeHashWord
		d.Text = "a comment of one word in a last line without newline is a syntax error for libreswan"
		d.Hint = "end the line with a newline"
	case lower != word && (lower == "conn" || lower == "config" || lower == "include" || lower == "version"):
		d.Hint = "write " + lower + " in lower case"
	case strings.HasPrefix(rest, "="):
		d.Code = CodeNotIndented
		d.Text = "a key must be indented"
		d.Hint = "begin the line with a blank or a tab"
	case word == "ca":
		d.Hint = "ca sections belong to strongSwan"
	case p.backslash:
		d.Code = CodeBackslash
		d.Text = "a backslash does not continue a line"
	}
	p.add(d)
}

// lineEnd checks that nothing but a comment follows after index i. Value is
// the index where the value before it begins, or -1.
func (p *parser) lineEnd(src *source, i, value int) bool {
	line := src.line
	i = skipBlanks(line, i)
	if i == len(line) {
		return true
	}
	d := Diagnostic{Pos: src.pos(i), Code: CodeTextAfterValue, Text: "unexpected text after the value",
		Hint: `put a value that contains blanks into double quotes`}
	switch {
	case line[i] == '#' && isCommentAt(line, i):
		return true
	case line[i] == '#':
		d.Code = CodeHashWord
		d.Text = "a # with a single word behind it is not a comment here"
		d.Hint = `write a blank after # and more than one word, or move the comment to a line of its own`
		if i+1 < len(line) {
			d.Hint = "write a blank after #"
		}
	case value < 0:
		d.Code, d.Text, d.Hint = CodeSyntax, "unexpected text", ""
	case line[value] == '#':
		d.Pos = src.pos(value)
		d.Code = CodeHashValue
		d.Text = "a # that follows = begins a value, not a comment"
		d.Hint = `write "" before the comment for an empty value`
	case line[value] == '\'':
		d.Code = CodeSingleQuote
		d.Text = "single quotes do not quote"
		d.Hint = "use double quotes"
	case line[value] == '{':
		d.Hint = "a value in braces cannot contain a double quote"
	case line[value] == '"':
		d.Hint = "a quoted value ends at the next double quote and cannot contain one"
	}
	p.report(d)
	return false
}
