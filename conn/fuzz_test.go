package conn

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse reads a main file and one that it may include as
// /etc/ipsec.d/a.conf. Nothing may panic, every position must lie inside of its
// file, and what Format writes must read back to the same sections.
func FuzzParse(f *testing.F) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		second := ""
		if len(archive.Files) > 1 {
			second = string(archive.Files[1].Data)
		}
		f.Add(unescape(string(archive.Files[0].Data)), unescape(second))
	}
	f.Fuzz(func(t *testing.T, text, included string) {
		files := memFS{"/etc/ipsec.conf": text, "/etc/ipsec.d/a.conf": included}
		file, problems := Load(files, "/etc/ipsec.conf")
		_, more := file.Settings()
		problems = append(problems, more...)
		conns, more := file.Conns()
		problems = append(problems, more...)
		for _, p := range problems {
			checkPos(t, files, p.Pos, p.String())
		}
		sections := append([]Section{file.Setup}, file.Sections...)
		for i := range sections {
			for j := range sections[i].Keys {
				kv := &sections[i].Keys[j]
				checkPos(t, files, kv.Pos, kv.Key)
				checkPos(t, files, kv.ValuePos(), kv.Key)
			}
		}
		checkFormat(t, file)
		checkPacked(t, file, conns)
		checkConns(t, file, conns)
	})
}

// checkPos fails when a position is not inside of its file or just behind the
// end of its line.
func checkPos(t *testing.T, files memFS, pos Pos, what string) {
	t.Helper()
	text, ok := files["/"+clean(pos.File)]
	if !ok && pos != (Pos{}) {
		t.Fatalf("%s: no such file: %q", what, pos.File)
	}
	if pos.Line == 0 {
		return
	}
	lines := strings.Split(text, "\n")
	if pos.Line > len(lines) || pos.Col < 1 || pos.Col > len(lines[pos.Line-1])+1 {
		t.Fatalf("%s: %s is outside of the file", what, pos)
	}
}

// checkConns fails when Lookup finds another conn than Conns, or when the
// formatted file has other conns.
func checkConns(t *testing.T, file *File, conns []Conn) {
	t.Helper()
	for i := range conns {
		if i == 20 {
			break
		}
		found, _ := file.Lookup(conns[i].Name)
		if len(found) == 0 {
			t.Errorf("Lookup(%q) finds nothing", conns[i].Name)
		}
	}
	var text bytes.Buffer
	if err := file.Format(&text); err != nil {
		t.Fatal(err)
	}
	again, _ := Load(memFS{"/etc/ipsec.conf": text.String()}, "/etc/ipsec.conf")
	other, _ := again.Conns()
	if got, want := dumpConns(other), dumpConns(conns); got != want {
		t.Errorf("conns of the formatted file:\n--- got\n%s--- want\n%s", got, want)
	}
}

func dumpConns(conns []Conn) string {
	var b strings.Builder
	for i := range conns {
		dumpConn(&b, &conns[i])
	}
	return b.String()
}
