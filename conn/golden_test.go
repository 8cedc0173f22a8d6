package conn

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata/*.txtar")

// Names of the parts of a case that the test writes. All other parts are files
// of the configuration. What stands before the first part is comment.
const (
	partWant     = "want"     // resolved sections
	partConns    = "conns"    // typed values that are not zero
	partProblems = "problems" // diagnostics
)

// TestGolden loads the first file of each testdata/*.txtar and compares the
// sections, the typed conns and the problems with the parts of the case.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < 80 {
		t.Fatalf("found %d cases in testdata, want at least 80 (%v)", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			runGolden(t, name)
		})
	}
}

func runGolden(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files, main, old := memFS{}, "", map[string]string{}
	var inputs []txtar.File
	for _, f := range archive.Files {
		switch f.Name {
		case partWant, partConns, partProblems:
			old[f.Name] = string(f.Data)
			continue
		}
		inputs = append(inputs, f)
		files[f.Name] = unescape(string(f.Data))
		if main == "" {
			main = f.Name
		}
	}
	got := goldenOutput(t, files, main)
	if *update {
		archive.Files = inputs
		for _, part := range []string{partWant, partConns, partProblems} {
			if got[part] != "" {
				archive.Files = append(archive.Files, txtar.File{Name: part, Data: []byte(got[part])})
			}
		}
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, part := range []string{partWant, partConns, partProblems} {
		if got[part] != old[part] {
			t.Errorf("%s:\n--- got\n%s--- want\n%s", part, got[part], old[part])
		}
	}
}

// unescape lets cases spell bytes that a text file should not contain, and a
// last line without newline.
var unescape = strings.NewReplacer(`<CR>`, "\r", `<NUL>`, "\x00", `<BOM>`, "\xef\xbb\xbf", "<NONL>\n", "", `<VT>`, "\v", `<FF>`, "\f").Replace

func goldenOutput(t *testing.T, files FS, main string) map[string]string {
	f, problems := Load(files, main)
	_, more := f.Settings()
	problems = append(problems, more...)
	conns, more := f.Conns()
	problems = append(problems, more...)
	var want, typed, text bytes.Buffer
	dumpFile(&want, f)
	if s, _ := f.Settings(); len(f.Setup.Keys) > 0 {
		fmt.Fprintf(&typed, "setup%s\n", dumpSetup(s))
	}
	for i := range conns {
		dumpConn(&typed, &conns[i])
	}
	for _, p := range problems {
		fmt.Fprintf(&text, "%s [%s] %s\n", p.Severity, p.Code, p)
	}
	checkFormat(t, f)
	checkPacked(t, f, conns)
	return map[string]string{partWant: want.String(), partConns: typed.String(), partProblems: text.String()}
}

func dumpFile(w io.Writer, f *File) {
	if f.Setup.Pos != (Pos{}) {
		dumpSection(w, "config setup", &f.Setup)
	}
	for i := range f.Sections {
		dumpSection(w, fmt.Sprintf("conn %q", f.Sections[i].Name), &f.Sections[i])
	}
}

func dumpSection(w io.Writer, header string, s *Section) {
	if s.Broken {
		header += " broken"
	}
	fmt.Fprintf(w, "%s  # %s\n", header, s.Pos)
	for i := range s.Keys {
		kv := &s.Keys[i]
		fmt.Fprintf(w, "\t%s=%q  # %d:%d %d\n", kv.Key, kv.Value, kv.Pos.Line, kv.Pos.Col, kv.ValuePos().Col)
	}
}

// checkFormat loads what Format writes and compares the usable sections.
func checkFormat(t *testing.T, f *File) {
	t.Helper()
	var text bytes.Buffer
	if err := f.Format(&text); err != nil {
		t.Fatal(err)
	}
	again, problems := Load(memFS{"/etc/ipsec.conf": text.String()}, "/etc/ipsec.conf")
	for _, p := range problems {
		if p.Severity == Error || p.Code == CodeRefusedKey {
			t.Errorf("the formatted file has a problem: %s\n%s", p, text.String())
		}
	}
	if got, want := plain(again), plain(f); got != want {
		t.Errorf("formatted and loaded again:\n--- got\n%s--- want\n%s", got, want)
	}
}

// plain dumps the usable sections without positions.
func plain(f *File) string {
	var b strings.Builder
	plainKeys(&b, f.Setup.Keys)
	for i, s := range f.Sections {
		if !s.Broken && f.first[s.Name] == i {
			fmt.Fprintf(&b, "%q\n", s.Name)
			plainKeys(&b, s.Keys)
		}
	}
	return b.String()
}

func plainKeys(b *strings.Builder, keys []KeyValue) {
	for _, kv := range keys {
		fmt.Fprintf(b, "\t%s=%q\n", kv.Key, kv.Value)
	}
}
