package conn

import (
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// partFacts has what is known about the host, one fact a line:
//
//	local DEVICE ADDRESS
//	kernel RELEASE
//	ipv6
//	mode FILE OCTAL
//	unique PLACE
const partFacts = "facts"

// TestLint loads the first file of each testdata/lint/*.txtar and compares all
// problems, those of Lint included, with the part of the case.
func TestLint(t *testing.T) {
	cases, err := filepath.Glob("testdata/lint/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases in testdata/lint (%v)", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			runLint(t, name)
		})
	}
}

func runLint(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files, main, facts, old := memFS{}, "", HostFacts{}, ""
	var inputs []txtar.File
	for _, f := range archive.Files {
		switch f.Name {
		case partProblems:
			old = string(f.Data)
			continue
		case partFacts:
			facts = parseFacts(t, string(f.Data))
		default:
			files[f.Name] = string(f.Data)
			if main == "" {
				main = f.Name
			}
		}
		inputs = append(inputs, f)
	}
	got := lintOutput(files, main, facts)
	if *update {
		archive.Files = append(inputs, txtar.File{Name: partProblems, Data: []byte(got)})
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != old {
		t.Errorf("--- got\n%s--- want\n%s", got, old)
	}
}

func lintOutput(files FS, main string, facts HostFacts) string {
	f, problems := Load(files, main)
	_, more := f.Settings()
	problems = append(problems, more...)
	conns, more := f.Conns()
	problems = append(problems, more...)
	problems = append(problems, f.Lint(conns, facts)...)
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s [%s] %s\n", p.Severity, p.Code, p)
	}
	return b.String()
}

func parseFacts(t *testing.T, text string) HostFacts {
	t.Helper()
	h := HostFacts{Secrets: map[string]fs.FileMode{}}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 3 && words[0] == "local":
			h.Locals.Addrs = append(h.Locals.Addrs, LocalAddr{Dev: words[1], Addr: netip.MustParseAddr(words[2])})
		case len(words) == 2 && words[0] == "kernel":
			h.Kernel = words[1]
		case len(words) == 1 && words[0] == "ipv6":
			h.GlobalIPv6 = true
		case len(words) == 3 && words[0] == "mode":
			mode, err := strconv.ParseUint(words[2], 8, 32)
			if err != nil {
				t.Fatal(err)
			}
			h.Secrets[words[1]] = fs.FileMode(mode)
		case len(words) == 2 && words[0] == "unique":
			h.UniqueIfID = words[1]
		default:
			t.Fatalf("unknown fact %q", line)
		}
	}
	return h
}

// TestLintCases checks that every code of Lint has a case that reports it,
// CODE.txtar, and one that comes close and must stay silent, CODE-silent.txtar.
func TestLintCases(t *testing.T) {
	codes := codesOf(t, "lint.go")
	if len(codes) < 20 {
		t.Fatalf("found the codes %q only", codes)
	}
	for _, code := range codes {
		for suffix, want := range map[string]bool{"": true, "-silent": false} {
			name := "testdata/lint/" + code + suffix + ".txtar"
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Error(err)
				continue
			}
			problems := archive.Files[len(archive.Files)-1]
			if problems.Name != partProblems {
				t.Errorf("%s does not end with %q", name, partProblems)
			}
			if got := strings.Contains(string(problems.Data), "["+code+"]"); got != want {
				t.Errorf("%s reports it: %v, want %v", name, got, want)
			}
		}
	}
}

// codesOf returns the values of the constants Code... of a file.
func codesOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := goparser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "Code") {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	return codes
}

// TestLintNothingKnown checks that Lint needs no facts and no conns.
func TestLintNothingKnown(t *testing.T) {
	f, _ := Load(memFS{"ipsec.conf": "config setup\n\tsecretsfile=/etc/s\n"}, "ipsec.conf")
	if ds := f.Lint(nil, HostFacts{}); len(ds) != 0 {
		t.Error(ds)
	}
}

func TestRefusesInbound(t *testing.T) {
	for release, want := range map[string]bool{
		"6.16.0": true, "6.16-rc1": true, "6.16": true, "7.2.13": true, "10.0": true, "6.100.1-amd64": true,
		"6.15.9": false, "6.1.0-37-amd64": false, "5.19": false, "": false, "6": false, "x.y": false,
	} {
		if got := refusesInbound(release); got != want {
			t.Errorf("%q: %v, want %v", release, got, want)
		}
	}
}

// TestLintAnything runs Lint on the cases of other tests, which are odder than
// its own: every finding must say where and what.
func TestLintAnything(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < 80 {
		t.Fatalf("found %d cases (%v)", len(cases), err)
	}
	facts := HostFacts{GlobalIPv6: true, Kernel: "6.16", UniqueIfID: "x", Locals: Locals{Addrs: []LocalAddr{
		{"eth0", netip.MustParseAddr("192.0.2.1")}, {"eth0", netip.MustParseAddr("2001:db8::1")},
	}}}
	findings := 0
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := memFS{}
		for _, f := range archive.Files {
			files[f.Name] = unescape(string(f.Data))
		}
		f, _ := Load(files, archive.Files[0].Name)
		conns, _ := f.Conns()
		for _, host := range []HostFacts{{}, facts} {
			for _, d := range f.Lint(conns, host) {
				findings++
				if d.Pos.Line == 0 || d.Pos.Col == 0 || d.Code == "" || d.Key == "" || d.Text == "" || files[d.Pos.File] == "" {
					t.Errorf("%s: incomplete finding %+v", name, d)
				}
			}
		}
	}
	if findings == 0 {
		t.Error("no findings at all")
	}
}

// BenchmarkLint looks at as many conns as subnets= lists may make.
func BenchmarkLint(b *testing.B) {
	var left, right []string
	for i := range 256 {
		left = append(left, fmt.Sprintf("10.%d.0.0/16", i))
		right = append(right, fmt.Sprintf("172.16.%d.0/24", i))
	}
	f, _ := Load(memFS{"ipsecif.conf": "conn a\n" + twoHosts + "\tif_id=1\n\tleftsubnets={" + strings.Join(left, " ") + "}\n\trightsubnets={" + strings.Join(right, " ") + "}\n"}, "ipsecif.conf")
	conns, _ := f.Conns()
	if len(conns) != 1<<16 {
		b.Fatal(len(conns))
	}
	for b.Loop() {
		f.Lint(conns, HostFacts{})
	}
}
