package differential

import (
	"regexp"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// The rewrites of this file concern the lexical rules.

// Stand-ins for text that conn cannot read; restore puts it back.
const (
	standForEmpty = "\x02"
	standForQuote = "\x03"
)

var secondName = regexp.MustCompile("\x01[0-9]+\x01")

// restore undoes the stand-ins in what was printed.
func restore(text string) string {
	text = strings.NewReplacer(standForEmpty, "", standForQuote, `"`).Replace(text)
	return secondName.ReplaceAllString(text, "")
}

// first returns the first problem of one of the codes that is also accepted by
// the test.
func (p *prediction) first(test func(conn.Diagnostic) bool, codes ...string) (conn.Diagnostic, bool) {
	for _, d := range p.problems {
		for _, code := range codes {
			if d.Code == code && test(d) {
				return d, true
			}
		}
	}
	return conn.Diagnostic{}, false
}

func anyProblem(conn.Diagnostic) bool { return true }

var (
	nulInComment = regexp.MustCompile("(?m)^([ \t]*#[^\n]*?)\x00")
	nulInValue   = regexp.MustCompile("(?m)(=[ \t]*[^ \t\n\"{\x00]+)\x00[^ \t\n]*")
)

func rewriteNUL(p *prediction) bool {
	d, ok := p.first(anyProblem, conn.CodeBinary)
	if !ok {
		return false
	}
	old := p.files[d.Pos.File]
	text := nulInComment.ReplaceAllString(old, "$1")
	text = nulInValue.ReplaceAllString(text, "$1")
	p.files[d.Pos.File] = text
	return text != old
}

// carriageReturn is what protects a CR at the end of a line from conn.
const carriageReturn = "\r # carriage return"

func rewriteCarriageReturn(p *prediction) bool {
	d, ok := p.first(anyProblem, conn.CodeCarriageReturn)
	if !ok {
		return false
	}
	lines := strings.SplitAfter(p.files[d.Pos.File], "\n")
	for i, line := range lines {
		body, newline := strings.CutSuffix(line, "\n")
		body, ok := strings.CutSuffix(body, "\r")
		if !ok {
			continue
		}
		if keepsCarriageReturn(body) {
			body += carriageReturn
		}
		if newline {
			body += "\n"
		}
		lines[i] = body
	}
	p.files[d.Pos.File] = strings.Join(lines, "")
	return true
}

// keepsCarriageReturn asks conn whether a CR at the end of a line counts: it does
// not where the line ends in a comment.
func keepsCarriageReturn(body string) bool {
	text := body + "\r\n"
	if strings.HasPrefix(body, " ") || strings.HasPrefix(body, "\t") {
		text = "conn x\n" + text
	}
	p := prediction{}
	_, p.problems = conn.Load(Files{mainFile: text}, mainFile)
	_, keeps := p.first(anyProblem, conn.CodeCarriageReturn)
	return keeps
}

var forever = regexp.MustCompile(`(?m)^((?:conn[ \t]+|[ \t]+[^#=" \t\n][^=\n]*=[ \t]*))%forever([ \t]|$)`)

func rewriteForever(p *prediction) bool {
	changed := false
	for name, text := range p.files {
		p.files[name] = forever.ReplaceAllString(text, "${1}0$2")
		changed = changed || p.files[name] != text
	}
	return changed
}

var emptyName = regexp.MustCompile(`^(conn|include|version)([ \t]*)(""|\{\})`)

func rewriteEmptyName(p *prediction) bool {
	d, ok := p.first(func(d conn.Diagnostic) bool { return emptyName.MatchString(p.files.line(d.Pos)) }, conn.CodeMissingName)
	if !ok {
		return false
	}
	line := p.files.line(d.Pos)
	m := emptyName.FindStringSubmatch(line)
	with := map[string]string{"conn": standForEmpty, "include": "no-such-file*", "version": "2"}[m[1]]
	p.files.setLine(d.Pos, m[1]+" "+with+line[len(m[0]):])
	return true
}

func rewriteStrayQuote(p *prediction) bool {
	isQuote := func(d conn.Diagnostic) bool {
		line := p.files.line(d.Pos)
		return d.Severity == conn.Error && d.Pos.Col <= len(line) && line[d.Pos.Col-1] == '"'
	}
	d, ok := p.first(isQuote, conn.CodeTextAfterValue, conn.CodeSingleQuote, conn.CodeSyntax, conn.CodeLiteralQuote, conn.CodeNoSection, conn.CodeHashValue)
	if !ok {
		return false
	}
	line, at := p.files.line(d.Pos), d.Pos.Col-1
	switch {
	case at == 0 && onlyQuotes.MatchString(line):
		p.files.setLine(d.Pos, "include no-such-file*") // the line end still ends a section
	case d.Code == conn.CodeTextAfterValue || d.Code == conn.CodeSingleQuote:
		if !onlyQuotes.MatchString(line[at:]) {
			return false
		}
		p.files.setLine(d.Pos, line[:at])
	case at == 0:
		line = strings.TrimLeft(line, "\" \t")
		if line[0] == '#' { // a single word, which is no comment there
			return false
		}
		p.files.setLine(d.Pos, line)
	case onlyQuotes.MatchString(line):
		p.files.setLine(d.Pos, dropped)
	default:
		p.files.replaceAt(d.Pos, `"`, " ")
	}
	return true
}

// onlyQuotes matches the rest of a line in which nothing counts.
var onlyQuotes = regexp.MustCompile(`^[" \t]*(#[^ \t="]*[ \t="].*)?$`)

var ownKey = regexp.MustCompile(`(?i)^[ \t]+(x-ipsecif-)`)

func rewriteOwnLine(p *prediction) bool {
	own := func(d conn.Diagnostic) bool {
		return d.Severity == conn.Error && ownKey.MatchString(p.files.line(d.Pos))
	}
	for _, d := range p.problems {
		if d.Code == conn.CodeConflictKey || !own(d) {
			continue
		}
		line := p.files.line(d.Pos)
		at := ownKey.FindStringSubmatchIndex(line)
		p.files.setLine(d.Pos, line[:at[2]]+"x-comment-"+line[at[3]:])
		return true
	}
	return false
}

func rewriteQuoteInList(p *prediction) bool {
	d, ok := p.first(anyProblem, conn.CodeQuoteInList)
	if !ok {
		return false
	}
	rest := p.files.line(d.Pos)[d.Pos.Col-1:]
	if end := strings.IndexAny(rest, " \t"); end >= 0 {
		rest = rest[:end]
	}
	p.files.replaceAt(d.Pos, rest, strings.ReplaceAll(rest, `"`, standForQuote))
	return strings.Contains(rest, `"`)
}
