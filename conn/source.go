package conn

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// limits bound the time and memory a configuration can cost.
type limits struct {
	size       int64 // bytes of all files together
	line       int   // bytes of one line
	files      int   // files read by includes, and include statements
	sections   int   // conns
	keys       int   // keys of all sections, before and after merging
	alsoDepth  int   // sections nested by also=
	mergeSteps int   // keys looked at while merging
	joined     int   // bytes of list values joined while merging
}

// usualLimits leave room for more than 100,000 conns; the worst that fits costs
// a few seconds and about a gigabyte.
var usualLimits = limits{
	size:       64 << 20,
	line:       1 << 20,
	files:      4096,
	sections:   1 << 18,
	keys:       1 << 21,
	alsoDepth:  1000,
	mergeSteps: 1 << 24,
	joined:     64 << 20,
}

// maxIncludeDepth is libreswan's limit; the main file is level 1.
const maxIncludeDepth = 10

// FS opens the files of a configuration. Names are plain paths as they are
// written in the configuration. With package os an implementation is three
// one-liners: os.Open, os.Stat, os.ReadDir.
type FS interface {
	Open(name string) (fs.File, error)
	// Stat follows symbolic links. It is asked before Open, so that opening
	// never blocks on a FIFO or a device.
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// reader reads files within the limits.
type reader struct {
	collector
	limits  limits
	fsys    FS
	order   map[string]int // name -> order of first reading
	files   int
	size    int64
	stopped bool // a limit was exceeded
	similar int  // searches for similar names so far
}

// stop reports that a limit was exceeded and ends the reading.
func (r *reader) stop(pos Pos, format string, args ...any) {
	if !r.stopped {
		r.stopped = true
		r.add(Diagnostic{Pos: pos, Code: CodeTooLarge, Text: fmt.Sprintf(format, args...), Hint: "reading stops here"})
	}
}

// source is the text of one file and the line that is being read.
type source struct {
	name    string
	text    string
	level   int // 1 for the main file
	off     int // of the next line
	number  int // of line
	line    string
	newline bool // line ends with a newline
	crSeen  bool // CR LF was reported
}

// pos returns the place of index i of the line.
func (s *source) pos(i int) Pos { return Pos{File: s.name, Line: s.number, Col: i + 1} }

// isEmptyOrComment tells whether the line is of no interest. A last line
// without newline is not treated so kindly by libreswan.
func (s *source) isEmptyOrComment() bool {
	i := skipBlanks(s.line, 0)
	switch {
	case i == len(s.line):
		return s.newline || i == 0
	case s.line[i] == '#':
		return s.newline || i == 0 && isCommentAt(s.line, 0)
	}
	return false
}

// nextLine advances src to its next line.
func (r *reader) nextLine(src *source) bool {
	if src.off >= len(src.text) {
		return false
	}
	src.number++
	rest := src.text[src.off:]
	end := strings.IndexByte(rest, '\n')
	src.newline = end >= 0
	if !src.newline {
		end = len(rest)
	}
	src.line = rest[:end]
	src.off += end + 1
	if end > r.limits.line {
		r.stop(src.pos(0), "the line is longer than %d bytes", r.limits.line)
		return false
	}
	r.stripCarriageReturn(src)
	return true
}

// stripCarriageReturn removes the CR of a CR LF line end and reports the first
// one of a file. In comments it does no harm.
func (r *reader) stripCarriageReturn(src *source) {
	line, ok := strings.CutSuffix(src.line, "\r")
	if !ok {
		return
	}
	src.line = line
	if src.crSeen || endsInComment(line) {
		return
	}
	src.crSeen = true
	r.add(Diagnostic{Pos: src.pos(len(line)), Code: CodeCarriageReturn,
		Text: "the line ends with CR LF; libreswan makes the CR part of names and values",
		Hint: "convert the file to LF line ends"})
}

// endsInComment tells whether a line is a comment or has one after its value. A
// # where a value is expected begins no comment, nor does one before "=".
func endsInComment(line string) bool {
	i := skipBlanks(line, 0)
	if i == len(line) || line[i] == '#' {
		return i < len(line)
	}
	end := i
	if i > 0 {
		var a assignment
		scanAssignment(&a, line, i)
		end = a.rest
	} else if end = skipBlanks(line, wordEnd(line, 0)); end < len(line) {
		_, _, end = scanValue(line, end)
	}
	end = skipBlanks(line, end)
	return end < len(line) && line[end] == '#'
}

// read returns the text of a file. When it cannot, it returns a Diagnostic
// that lacks the place.
func (r *reader) read(name string) (string, *Diagnostic) {
	info, err := r.fsys.Stat(name)
	if err != nil {
		return "", &Diagnostic{Code: CodeOpen, Text: "cannot open " + quote(name) + ": " + reason(err)}
	}
	if d := checkRegular(name, info); d != nil {
		return "", d
	}
	file, err := r.fsys.Open(name)
	if err != nil {
		return "", &Diagnostic{Code: CodeOpen, Text: "cannot open " + quote(name) + ": " + reason(err)}
	}
	defer file.Close()
	info, err = file.Stat() // it may have changed since
	if err == nil {
		if d := checkRegular(name, info); d != nil {
			return "", d
		}
	}
	var text strings.Builder
	left := r.limits.size - r.size
	if err == nil && info.Size() <= left {
		text.Grow(int(info.Size()))
	}
	n, err := io.Copy(&text, io.LimitReader(file, left+1))
	r.size += n
	switch {
	case err != nil:
		return "", &Diagnostic{Code: CodeOpen, Text: "cannot read " + quote(name) + ": " + reason(err)}
	case n > left:
		r.stopped = true
		return "", &Diagnostic{Code: CodeTooLarge,
			Text: fmt.Sprintf("the configuration is larger than %d MB", r.limits.size>>20), Hint: "reading stops here"}
	}
	return text.String(), nil
}

// reason returns the cause of an error without the operation and the path,
// which the message names already.
func reason(err error) string {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// checkRegular refuses what is not a regular file.
func checkRegular(name string, info fs.FileInfo) *Diagnostic {
	mode := info.Mode()
	if mode.IsRegular() {
		return nil
	}
	what := "not a regular file"
	switch {
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "a FIFO"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	}
	d := &Diagnostic{Code: CodeNotRegular, Text: quote(name) + " is " + what}
	if mode.IsDir() {
		d.Hint = "to include its files write " + strings.TrimSuffix(name, "/") + "/*.conf"
	}
	return d
}

// checkText reports text that is not a configuration at all, and returns it
// without a byte order mark.
func (r *reader) checkText(name, text string) (string, bool) {
	const bom = "\xef\xbb\xbf"
	if strings.HasPrefix(text, bom) {
		r.add(Diagnostic{Pos: Pos{name, 1, 1}, Code: CodeByteOrderMark,
			Text: "the file begins with a byte order mark, which is a syntax error for libreswan", Hint: "remove it"})
		text = text[len(bom):]
	}
	nul := strings.IndexByte(text, 0)
	if nul < 0 {
		return text, true
	}
	line := strings.Count(text[:nul], "\n") + 1
	col := nul - strings.LastIndexByte(text[:nul], '\n')
	d := Diagnostic{Pos: Pos{name, line, col}, Code: CodeBinary, Text: "the file is not text: it contains a NUL byte"}
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		d.Hint = "convert it from UTF-16"
	}
	r.add(d)
	return "", false
}
