package conn

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a configuration file. The zero Pos means "no place", for
// example for a value that nobody wrote.
type Pos struct {
	File string // name as it was given to Load or found by an include
	Line int    // counted from 1
	Col  int    // in bytes, counted from 1
}

// String returns "file:line:col", or "-" for the zero Pos.
func (p Pos) String() string {
	if p == (Pos{}) {
		return "-"
	}
	return string(p.append(nil))
}

func (p Pos) append(b []byte) []byte {
	b = append(b, p.File...)
	if p.Line == 0 { // a whole file, such as one that cannot be opened
		return b
	}
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(p.Line), 10)
	b = append(b, ':')
	return strconv.AppendInt(b, int64(p.Col), 10)
}

// Severity tells whether a Diagnostic stops a configuration from being used.
type Severity uint8

const (
	// Error means that the section (or the whole file) cannot be used.
	Error Severity = iota
	// Warning means that the configuration works, but perhaps not as meant.
	Warning
	// Note means that the configuration works here, but not everywhere.
	Note
)

// String returns "error", "warning" or "note".
func (s Severity) String() string { return nameOf(s, "error", "warning", "note") }

// Diagnostic is one problem found in a configuration.
type Diagnostic struct {
	Pos      Pos
	Severity Severity
	Code     string // stable and machine readable, such as "unknown-key"; see the Code constants
	Conn     string // name of the conn section, empty outside of one
	Key      string // canonical key, empty when no key is concerned
	Text     string // what is wrong
	Hint     string // what to do about it, may be empty
}

// String returns one line: file:line:col: conn "x": key: text, hint.
func (d Diagnostic) String() string {
	b := d.Pos.append(make([]byte, 0, 160))
	b = append(b, ": "...)
	if d.Conn != "" {
		b = append(b, "conn "...)
		b = strconv.AppendQuote(b, d.Conn)
		b = append(b, ": "...)
	}
	if d.Key != "" {
		b = append(b, d.Key...)
		b = append(b, ": "...)
	}
	b = append(b, d.Text...)
	if d.Hint != "" {
		b = append(b, ", "...)
		b = append(b, d.Hint...)
	}
	return string(b)
}

// Error returns the same line as String, so that a Diagnostic is an error.
func (d Diagnostic) Error() string { return d.String() }

// Diagnostics is a list of problems in the order of the files and lines.
type Diagnostics []Diagnostic

// Err returns nil when the list holds no Diagnostic of severity Error,
// otherwise an error that joins all of that severity.
func (ds Diagnostics) Err() error {
	var errs []error
	for _, d := range ds {
		if d.Severity == Error {
			errs = append(errs, d)
		}
	}
	return errors.Join(errs...)
}

// String returns one line for each problem, each ended by a newline.
func (ds Diagnostics) String() string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// sort orders by file (in the order in which files were read), line and
// column; problems of one place keep the order in which they were found.
func (ds Diagnostics) sort(order map[string]int) {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(order[a.Pos.File], order[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
		)
	})
}

// maxProblems bounds how many problems of one run are kept.
const maxProblems = 1000

// collector gathers problems, up to a bound.
type collector struct {
	list    Diagnostics
	dropped int
	worst   Severity // of the dropped ones
}

func (c *collector) add(d Diagnostic) {
	if len(c.list) < maxProblems || d.Code == CodeTooLarge { // which explains why nothing works
		c.list = append(c.list, d)
		return
	}
	if c.dropped == 0 {
		c.worst = d.Severity
	}
	c.worst = min(c.worst, d.Severity)
	c.dropped++
}

// finish returns the problems in the order of the files.
func (c *collector) finish(order map[string]int) Diagnostics {
	c.list.sort(order)
	if c.dropped > 0 {
		c.list = append(c.list, Diagnostic{Pos: c.list[len(c.list)-1].Pos, Severity: c.worst, Code: CodeTooManyProblems,
			Text: "there are " + strconv.Itoa(c.dropped) + " more problems", Hint: "correct these first"})
	}
	return c.list
}

// quote returns s in double quotes, shortened when it is long.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}
