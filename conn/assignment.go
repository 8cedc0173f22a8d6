package conn

import "strings"

// parseIndented reads a line that begins with white space.
func (p *parser) parseIndented(src *source) {
	if p.state == skipping {
		return
	}
	line := src.line
	i := skipBlanks(line, 0)
	if p.state == outside {
		p.started = true
		p.state = skipping
		p.strayLine(src, i)
		return
	}
	if i == len(line) {
		return // blanks at the end of a file without newline
	}
	if p.continued {
		p.continued = false
		p.report(Diagnostic{Pos: src.pos(i), Severity: Warning, Code: CodeIncludeContinued,
			Text: "after an include, libreswan 5.4 adds this line to the last section of the included file; other releases refuse it",
			Hint: "move the include behind the section"})
	}
	a := new(assignment)
	scanAssignment(a, line, i)
	switch {
	case line[i] == '#' && isCommentAt(line, i): // in a last line without newline
		return
	case isCommentKey(a.key) && !strings.HasPrefix(asciiLower(a.key), ownPrefix):
		p.checkComment(src, a)
		p.comment4(src, a)
		return
	case !p.checkAssignment(src, a):
		return
	case !p.lineEnd(src, a.rest, a.valueStart):
		return
	}
	p.assign(src, a)
}

// checkComment warns of a comment key that looks like one of our own keys.
func (p *parser) checkComment(src *source, a *assignment) {
	name := strings.ReplaceAll(asciiLower(a.key), "_", "-")
	if strings.HasPrefix(name, strings.TrimSuffix(ownPrefix, "-")) {
		p.report(Diagnostic{Pos: src.pos(a.keyAt), Severity: Warning, Code: CodeUnknownKey, Key: a.key,
			Text: "it is taken as a comment", Hint: "our own keys begin with " + ownPrefix})
	}
}

// strayLine reports an indented line that belongs to no section.
func (p *parser) strayLine(src *source, i int) {
	d := Diagnostic{Pos: src.pos(i), Code: CodeNoSection,
		Text: "an indented line must belong to a section", Hint: "begin with conn NAME or config setup"}
	word := src.line[i:wordEnd(src.line, i)]
	switch {
	case i == len(src.line):
		d.Text = "blanks in a last line without newline are a syntax error for libreswan here"
		d.Hint = "remove them"
	case isSectionWord(word):
		d.Code, d.Text, d.Hint = CodeIndentedHeader, word+" must begin in the first column", ""
	case p.included:
		d.Text = "an include ends the section before it"
		d.Hint = "move the include behind the section"
	}
	p.add(d)
}

func isSectionWord(word string) bool {
	switch word {
	case "conn", "config", "setup", "include", "version":
		return true
	}
	return false
}

// checkAssignment reports lines that are not key = value.
func (p *parser) checkAssignment(src *source, a *assignment) bool {
	d := Diagnostic{Pos: src.pos(a.keyAt)}
	switch {
	case a.key == "":
		d.Code, d.Text = CodeSyntax, "a line of a section must begin with a key"
	case isSectionWord(a.key):
		d.Code, d.Text = CodeIndentedHeader, a.key+" must begin in the first column"
	case a.key[0] == '#':
		d.Code, d.Text = CodeHashWord, "a comment of one word in a last line without newline is a syntax error for libreswan"
		d.Hint = "end the line with a newline"
	case !a.equals && p.backslash:
		d.Code, d.Text = CodeBackslash, "a backslash does not continue a line"
		d.Hint = "write the value on one line"
	case !a.equals:
		d.Code, d.Text = CodeMissingEquals, "= is missing after "+quote(a.key)
		if _, ok := lookupKey(a.key); !ok {
			d.Hint = "a value with blanks needs double quotes and cannot span lines"
		}
	default:
		return true
	}
	p.report(d)
	return false
}

// hintValue warns of values that are taken in another way than they look.
func (p *parser) hintValue(src *source, a *assignment, key string) {
	d := Diagnostic{Pos: src.pos(a.valueStart), Severity: Warning, Key: key}
	enclosed := a.valueAt != a.valueStart
	switch {
	case a.junk != "":
		d.Pos = src.pos(a.keyAt + len(a.key))
		d.Code, d.Text = CodeTextBeforeEqual, "libreswan drops the text "+quote(a.junk)+" between the key and ="
	case enclosed && src.line[a.valueStart] == '{' && strings.Contains(a.value, " #"):
		d.Code, d.Text = CodeBracedComment, "the braces reach to the last } of the line, over the comment"
	case !enclosed && strings.HasSuffix(a.value, `\`):
		d.Code, d.Text = CodeBackslash, "the backslash is part of the value, it does not continue the line"
	case !enclosed && strings.Contains(a.value, `"`):
		d.Code, d.Text = CodeLiteralQuote, "the double quote is part of the value"
	case len(a.value) > 1 && a.value[0] == '\'' && a.value[len(a.value)-1] == '\'':
		d.Code, d.Text = CodeSingleQuote, "the single quotes are part of the value"
		d.Hint = "use double quotes"
	default:
		return
	}
	p.report(d)
}

// assign looks the key up and adds it to the open section.
func (p *parser) assign(src *source, a *assignment) {
	m, ok := lookupKey(a.key)
	if !ok || m.noSide || !p.allowedHere(m.id.row()) {
		p.refuseKey(src, a, m, ok)
		return
	}
	kw := m.id.row()
	kv := &KeyValue{Key: keyNames[m.id.canonical()], Value: a.value, Pos: src.pos(a.keyAt),
		id: m.id, valueCol: int32(a.valueAt + 1), prefixed: m.prefixed}
	p.hintValue(src, a, kv.Key)
	switch {
	case kw.flags&cmdline != 0:
		p.report(Diagnostic{Pos: kv.Pos, Code: CodeCommandLine, Key: kv.Key,
			Text: "it can be set on the command line of pluto only"})
		return
	case kw.flags&obsolete != 0:
		p.report(Diagnostic{Pos: kv.Pos, Severity: Warning, Code: CodeObsoleteKey, Key: kv.Key,
			Text: "it is obsolete and ignored" + obsolete4(kw)})
		return
	case kw.flags&own != 0 && !m.prefixed && p.shared:
		p.report(Diagnostic{Pos: kv.Pos, Severity: Warning, Code: CodeRefusedKey, Key: kv.Key,
			Text: "libreswan refuses a file with this key", Hint: "write " + ownPrefix + kw.name})
	}
	if p.addKey(kv) {
		p.assigned4(src, a, kv)
	}
}

// allowedHere tells whether a keyword may stand in the open section.
func (p *parser) allowedHere(kw *keyword) bool {
	if p.isSetup() {
		return kw.flags&inSetup != 0
	}
	return kw.flags&inConn != 0 && (kw.flags&also == 0 || p.cur.name != defaultName)
}

// addKey appends kv to the open section unless the section has it. In a conn
// the first one wins, in config setup the last one. It tells whether kv counts.
func (p *parser) addKey(kv *KeyValue) bool {
	old := p.find(kv.id)
	if old == nil || kv.id.row().flags&also != 0 {
		p.appendKey(kv)
		p.seen[p.seenID(kv.id)] = slot{p.headers, len(p.open()) - 1}
		return true
	}
	d := Diagnostic{Pos: kv.Pos, Severity: Warning, Code: CodeDuplicateKey, Key: kv.Key}
	switch {
	case old.prefixed != kv.prefixed:
		d.Severity, d.Code = Error, CodeBothSpellings
		d.Text = "it is set with and without " + ownPrefix + " in one section"
		d.Hint = "the other one is at " + old.Pos.String()
	case p.isSetup():
		d.Text = "it replaces the value at " + old.Pos.String()
		*old = *kv
	default:
		d.Text = "it is ignored, the value at " + old.Pos.String() + " counts" + p.duplicate4(old, kv)
	}
	p.report(d)
	return d.Severity != Error && p.isSetup()
}

// find returns the entry of a key in the open section, nil when it has none.
func (p *parser) find(id keyID) *KeyValue {
	if s := p.seen[p.seenID(id)]; s.number == p.headers {
		return &p.open()[s.index]
	}
	return nil
}

// seenID returns the key under which find remembers id. In a conn libreswan
// takes an alias for another key at this point; the merge finds the clash.
func (p *parser) seenID(id keyID) keyID {
	if p.isSetup() {
		return id.canonical()
	}
	return id
}

// refuseKey reports a key that cannot stand where it is.
func (p *parser) refuseKey(src *source, a *assignment, m match, known bool) {
	d := Diagnostic{Pos: src.pos(a.keyAt), Code: CodeUnknownKey, Key: a.key, Text: "there is no such key"}
	switch {
	case !known:
		d.Hint = p.similarKeys(a.key)
	case m.noSide && !p.isSetup():
		name := m.id.row().name
		d.Code, d.Key = CodeNeedsSide, name
		d.Text = "it needs left or right in front"
		d.Hint = "write left" + name + " or right" + name + "; before 5.4 libreswan took it for right" + name
	case p.isSetup():
		d.Code, d.Text = CodeWrongSection, "it is no key of config setup"
		d.Hint = "it belongs into a conn"
		if m.id.row().flags&also != 0 {
			d.Hint = "also works in conns only"
		}
	case m.id.row().flags&also != 0:
		d.Code, d.Text = CodeWrongSection, "it is not allowed in conn %default"
	default:
		d.Code, d.Text = CodeWrongSection, "it is no key of a conn"
		d.Hint = "it belongs into config setup; libreswan 4.10 ignores it here"
	}
	p.report(d)
}
