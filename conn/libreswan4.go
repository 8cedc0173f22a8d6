package conn

import (
	"math"
	"slices"
	"strings"
)

// This file knows where libreswan 4.10, the release of Debian 12, reads a
// configuration that is valid here in another way, as seen with its readwriteconf
// and addconn. The difference is noted and changes nothing: the grammar is that
// of libreswan 5 everywhere.

// notes4 gathers these differences while files are read.
type notes4 struct {
	list  Diagnostics
	place map[[2]string]int // key and text -> index in list
	more  []int             // further places of each
	moot  bool              // a key makes libreswan 4.10 refuse the configuration as a whole
}

// differs4 notes how libreswan 4.10 reads something in the open section.
func (p *parser) differs4(pos Pos, key, text, hint string) {
	name := ""
	if p.cur != nil {
		name = p.cur.name
	}
	p.note4(Diagnostic{Pos: pos, Conn: name, Key: key, Text: text, Hint: hint})
}

// note4 notes a difference. One that says the same of several places names the
// first of them.
func (p *parser) note4(d Diagnostic) {
	if !p.shared {
		return
	}
	n := &p.notes4
	said := [2]string{d.Key, d.Text}
	if i, ok := n.place[said]; ok {
		n.more[i]++
		return
	}
	if len(n.list) == maxProblems {
		return
	}
	if n.place == nil {
		n.place = map[[2]string]int{}
	}
	n.place[said] = len(n.list)
	d.Severity, d.Code = Note, CodeLibreswan4
	n.list = append(n.list, d)
	n.more = append(n.more, 0)
}

// report4 adds what was noted to the problems. libreswan 4.10 does not read a
// configuration with a key that only later releases know, so nothing in it can
// be read otherwise.
func (p *parser) report4() {
	if p.notes4.moot {
		return
	}
	for i, d := range p.notes4.list {
		switch n := p.notes4.more[i]; n {
		case 0:
		case 1:
			d.Text += "; this goes for 1 more place"
		default:
			d.Text += "; this goes for " + decimal(uint64(n)) + " more places"
		}
		p.add(d)
	}
}

const refuses4 = " and refuses the file"

// assigned4 compares a key and its value.
func (p *parser) assigned4(src *source, a *assignment, kv *KeyValue) {
	if !p.shared {
		return
	}
	kw := kv.id.row()
	p.notes4.moot = p.notes4.moot || kw.flags&since5 != 0
	if kv.prefixed {
		p.comment4(src, a)
		return
	}
	if len(a.key) == len(keyNames[kv.id])+1 { // a hyphen after left or right
		p.differs4(kv.Pos, kv.Key, "libreswan 4.10 does not know "+quote(a.key)+refuses4+", libreswan 5 takes it for "+keyNames[kv.id],
			"write it without the hyphen")
	}
	if kw.flags&own != 0 || checkValue(kw.kind, kv.Value) != nil {
		return // refused anyway
	}
	text, hint := value4(kv, a.valueAt != a.valueStart)
	if text != "" {
		p.differs4(kv.ValuePos(), kv.Key, text, hint)
	}
}

// comment4 looks at a key that libreswan takes as a comment.
func (p *parser) comment4(src *source, a *assignment) {
	pos := src.pos(a.keyAt)
	switch {
	case !a.equals:
		p.differs4(pos, a.key, "libreswan 4.10 takes a comment like this without = for an error"+refuses4, "begin it with #")
	case a.valueStart == len(src.line) && src.line[len(src.line)-1] == '=':
		p.differs4(pos, a.key, "libreswan 4.10 takes the next line into this comment, libreswan 5 does not", "write something behind the =")
	case !p.isSetup() && p.cur.name == defaultName:
		p.differs4(pos, a.key, "libreswan 4.10 crashes at a key in conn %default that it takes as a comment, libreswan 5 does not",
			"write it into config setup or into each conn")
	}
}

// value4 tells how libreswan 4.10 reads a value, empty where it is the same.
func value4(kv *KeyValue, enclosed bool) (text, hint string) {
	kw, v := kv.id.row(), kv.Value
	switch {
	case kw.kind == setupNumber && v == "-1":
		return "libreswan 4.10 reads -1 as 0, libreswan 5 as not set", "leave it out"
	case kw.flags&decimal4 != 0:
		return number4(kw, v), "write it in plain digits"
	case v == "" && (enclosed || !takesEmpty(kv.id)):
		return "", ""
	case v == "":
		return "libreswan 4.10 takes no notice of an empty value, libreswan 5 replaces that of conn %default by it", `write ""`
	case kw.kind == duration && (strings.Contains(v, ".") || strings.HasSuffix(asciiLower(v), "us")),
		kw.kind == byteCount && strings.Contains(v, "."):
		return "libreswan 4.10 takes no notice of " + quote(v) + ", libreswan 5 reads it", "write a whole number"
	case !isWord4(kw, v):
		if kw.kind == keyexchangeWord {
			hint = "ikev2=yes or ikev2=no says the same"
		}
		return "libreswan 4.10 does not know " + quote(v) + refuses4 + ", libreswan 5 reads it", hint
	}
	return typed4(kv)
}

// takesEmpty tells whether a value may be empty, and is not part of a list then.
func takesEmpty(id keyID) bool {
	switch id.canonical() &^ 1 {
	case keyHost, keyNextHop, keyAddressPool, keyEndVTI, keyMark, keyMarkIn, keyMarkOut, keyIPsecInterface:
		return false
	}
	return id.row().flags&(appended|also) == 0
}

// number4 tells how libreswan 4.10 reads a number: to the base 10, and as 0
// when something else is behind it.
func number4(kw *keyword, v string) string {
	then, plain := parseDecimal(v)
	libreswan5 := "with its unit"
	if kw.kind == duration || kw.name == "mtu" {
		if plain == nil || kw.kind != duration && checkScaled(v, byteUnits) != nil {
			return "" // the same, or wrong
		}
	} else {
		now, p := parseNumber(v)
		if p != nil || now == then {
			return ""
		}
		libreswan5 = "as " + decimal(now)
	}
	return "libreswan 4.10 reads " + quote(v) + " as " + decimal(then) + ", libreswan 5 " + libreswan5
}

// isWord4 tells whether libreswan 4.10 has the word for a key. It takes those
// of plain switches in lower case only, and fewer of them for other keys.
func isWord4(kw *keyword, v string) bool {
	switch {
	case int(kw.kind) >= len(wordLists) || wordLists[kw.kind].valid == "" || kw.name == "global-redirect":
		return true
	case kw.kind == yesNo && kw.name != "accept-redirect", kw.name == "ikepad":
		return slices.ContainsFunc(yesNoText, func(w word) bool { return w.text == v })
	case kw.kind == keyexchangeWord:
		return equalFold("ike", v)
	case kw.kind == nicOffloadWord, wordLists[kw.kind].yesNo:
		if equalFold("yes", v) || equalFold("no", v) {
			return true
		}
	}
	_, ok := findWord(wordLists[kw.kind].words, v)
	return ok && kw.kind != nicOffloadWord
}

// one4 is for values of which there may be several.
const one4 = "libreswan 4.10 takes one only and does not load a conn with several, libreswan 5 takes a list"

// typed4 tells how libreswan 4.10 reads values that are more than a word or a
// number.
func typed4(kv *KeyValue) (text, hint string) {
	switch id := kv.id.canonical() &^ 1; id {
	case keyIPsecInterface:
		if _, ok := findWord(yesNoText, kv.Value); ok && !equalFold("yes", kv.Value) && !equalFold("no", kv.Value) {
			return "libreswan 4.10 takes " + quote(kv.Value) + " for the if_id 255, libreswan 5 for yes or no", "write yes or no"
		}
	case keyMark, keyMarkIn, keyMarkOut:
		if v, p := parseNumber(kv.Value); p == nil && v <= math.MaxUint32 && strings.Trim(kv.Value, "0123456789") == "" {
			return "libreswan 4.10 does not load a conn with a decimal mark that has no mask, libreswan 5 does",
				"write 0x and hexadecimal digits"
		}
	case keySourceIP:
		if list, _ := parseSourceIPs(kv.Value); len(list) == 2 && list[0].Is4() != list[1].Is4() { // more libreswan 5 refuses too
			return one4, ""
		}
	case keyAddressPool:
		if list, _ := parsePools(kv.Value); len(list) > 1 {
			return one4, ""
		}
	case keySubnet:
		return subnet4(kv)
	case keyNextHop:
		if equalFold("%direct", kv.Value) {
			return "libreswan 4.10 does not load a conn with %direct, libreswan 5 does", "leave it out unless " + strings.TrimSuffix(kv.Key, "nexthop") + "=%defaultroute"
		}
	}
	return "", ""
}

// subnet4 tells how libreswan 4.10 reads leftsubnet=.
func subnet4(kv *KeyValue) (text, hint string) {
	_, rest, _ := strings.Cut(kv.Value, "/")
	if !strings.ContainsAny(kv.Value, ", \t") && !strings.ContainsAny(rest, "/:") {
		return "", ""
	}
	fields, p := splitStrict(kv.Value)
	for _, f := range fields {
		if p == nil {
			_, _, p = parseSelector(f.text)
		}
	}
	switch {
	case p != nil: // wrong, or virtual
		return "", ""
	case len(fields) > 1:
		return one4, kv.Key + "s= takes a list in both"
	}
	return "libreswan 4.10 does not load a conn with a protocol in a subnet, libreswan 5 does",
		strings.TrimSuffix(kv.Key, "subnet") + "protoport= is known to both"
}

// include4 compares what a pattern matches.
func (p *parser) include4(pattern string, pos Pos) {
	open := strings.IndexByte(pattern, '{')
	if open >= 0 && strings.Contains(pattern[open:], "}") {
		p.differs4(pos, "", "libreswan 4.10 takes {a,b} in "+quote(pattern)+" for a or b, libreswan 5 takes the braces as they are",
			"write an include for each")
	}
}

// setup4 compares what a further config setup does.
func (p *parser) setup4(pos Pos) {
	p.differs4(pos, "", "libreswan 4.10 reads the first config setup only, libreswan 5 this one too", "join them")
}

// obsolete4 tells what becomes of an obsolete key.
func obsolete4(kw *keyword) string {
	if kw.name == "interfaces" {
		return "" // already by libreswan 4.10
	}
	return "; libreswan 4.10 heeds it"
}

// duplicate4 tells what becomes of a key that a conn has already.
func (p *parser) duplicate4(old, kv *KeyValue) string {
	switch flags := kv.id.row().flags; {
	case !p.shared || flags&own != 0:
		return ""
	case flags&appended != 0:
		return "; libreswan 4.10 appends it"
	case old.Value != kv.Value:
		return "; libreswan 4.10 does not load such a conn"
	}
	return ""
}
