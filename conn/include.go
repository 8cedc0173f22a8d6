package conn

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Load reads a configuration file and everything it includes. The File is
// never nil; when the list holds errors it contains what could be read, with
// the sections concerned marked as broken.
//
// When the base name is ipsec.conf, libreswan is taken to read the file and
// what it includes as well.
func Load(fsys FS, name string) (*File, Diagnostics) {
	return load(fsys, name, usualLimits)
}

func load(fsys FS, name string, bounds limits) (*File, Diagnostics) {
	p := &parser{
		reader: reader{limits: bounds, fsys: fsys, order: make(map[string]int)},
		seen:   make([]slot, 2*len(keywords)),
		shared: path.Base(name) == "ipsec.conf",
	}
	text, d := p.read(name)
	if d != nil {
		d.Pos = Pos{File: name}
		p.add(*d)
	} else {
		p.parseFile(&source{name: name, text: text, level: 1})
	}
	p.closeSection()
	f := p.merge()
	p.report4()
	f.Name = name
	return f, p.finish(f.order)
}

// parseFile reads one file whose text is known.
func (p *parser) parseFile(src *source) {
	if _, ok := p.order[src.name]; !ok {
		p.order[src.name] = len(p.order)
	}
	p.files++
	text, ok := p.checkText(src.name, src.text)
	if ok {
		src.text = text
		p.parseText(src)
	}
}

// include reads the files that pattern names.
func (p *parser) include(src *source, pattern string, pos Pos) {
	defer func() { p.included = true }()
	if p.includes++; p.includes > p.limits.files {
		p.stop(pos, "there are more than %d include statements", p.limits.files)
		return
	}
	if !strings.HasPrefix(pattern, "/") {
		p.add(Diagnostic{Pos: pos, Severity: Warning, Code: CodeIncludeRelative,
			Text: quote(pattern) + " is looked up in the working directory of the program that reads it, not beside this file",
			Hint: "write an absolute path"})
	}
	p.include4(pattern, pos)
	names, err := p.glob(pattern)
	switch {
	case err == errTooManyFiles:
		p.stop(pos, "more than %d files match %s", p.limits.files, quote(pattern))
		return
	case err != nil:
		p.add(Diagnostic{Pos: pos, Severity: Warning, Code: CodeIncludeNotFound,
			Text: "cannot search for " + quote(pattern) + ": " + reason(err)})
		return
	case len(names) == 0 && strings.Contains(pattern, "*"):
		return
	case len(names) == 0:
		d := Diagnostic{Pos: pos, Severity: Warning, Code: CodeIncludeNotFound, Text: "there is no file " + quote(pattern)}
		if strings.ContainsAny(pattern, "{~") {
			d.Hint = "~ and {a,b} have no meaning here"
		}
		p.add(d)
		return
	case src.level >= maxIncludeDepth:
		p.add(Diagnostic{Pos: pos, Severity: Warning, Code: CodeIncludeDepth,
			Text: "includes are nested more than 10 deep, the file is not read"})
		return
	}
	p.includeAll(src, names, pos)
}

// includeAll reads a list of files in the manner of libreswan: one that cannot
// be opened ends the list, and a single file leaves its last section open.
func (p *parser) includeAll(src *source, names []string, pos Pos) {
	for i, name := range names {
		if p.files > p.limits.files {
			p.stop(pos, "more than %d files are included", p.limits.files)
			return
		}
		text, d := p.read(name)
		if d != nil {
			d.Pos = pos
			if d.Code == CodeOpen {
				d.Severity, d.Code = Warning, CodeIncludeSkipped
				if rest := len(names) - i - 1; rest > 0 {
					d.Text += ", and the files after it are not read"
				}
			}
			p.add(*d)
			if d.Severity == Error && !p.stopped {
				continue
			}
			return
		}
		p.closeSection()
		included := &source{name: name, text: text, level: src.level + 1}
		p.parseFile(included)
		if i == 0 {
			p.checkFinalNewline(included)
		}
	}
	if len(names) > 1 {
		p.closeSection()
	}
	p.continued = p.state == inSection
}

// checkFinalNewline warns of an included file that ends within a line.
func (p *parser) checkFinalNewline(src *source) {
	last := strings.Trim(src.line, " \t")
	if src.newline || last == "" || last[0] == '#' {
		return
	}
	p.add(Diagnostic{Pos: src.pos(len(src.line)), Severity: Warning, Code: CodeNoFinalNewline,
		Text: "the included file ends without newline; libreswan 5.4, unlike 4.10, reads on in the same line of the including file",
		Hint: "end the line with a newline"})
}

var errTooManyFiles = errors.New("too many files match")

// glob lists the files that match a pattern, as glob(3) does: * and ? match no
// leading dot, the result is sorted, a directory that cannot be read is an
// error.
func (p *parser) glob(pattern string) ([]string, error) {
	found := []string{""}
	if strings.HasPrefix(pattern, "/") {
		found[0] = "/"
	}
	parts := slices.DeleteFunc(strings.Split(pattern, "/"), func(s string) bool { return s == "" })
	trailing := strings.HasSuffix(pattern, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		var next []string
		for _, dir := range found {
			names, err := p.globPart(dir, part)
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				if last {
					next = append(next, name)
				} else if info, err := p.fsys.Stat(name); err == nil && info.IsDir() {
					next = append(next, name+"/")
				}
			}
			if len(next) > p.limits.files {
				return nil, errTooManyFiles
			}
		}
		found = next
	}
	if trailing {
		for i := range found {
			found[i] += "/"
		}
	}
	return slices.DeleteFunc(found, func(name string) bool { return name == "" || !p.exists(name) }), nil
}

// exists tells whether a file is there, even if it may not be read.
func (p *parser) exists(name string) bool {
	_, err := p.fsys.Stat(name)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// globPart matches one component of a pattern inside dir, which is empty or
// ends with a slash.
func (p *parser) globPart(dir, part string) ([]string, error) {
	if !strings.ContainsAny(part, `*?[\`) {
		return []string{dir + part}, nil
	}
	part = strings.ReplaceAll(part, "[!", "[^")
	entries, err := p.fsys.ReadDir(cmp.Or(dir, "."))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if name[0] == '.' && part[0] != '.' {
			continue
		}
		if ok, err := path.Match(part, name); ok || err != nil && part == name {
			names = append(names, dir+name)
		}
	}
	slices.Sort(names)
	return names, nil
}
