package hook_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/hook"
	"golang.org/x/tools/txtar"
)

// full are calls in which every variable says something.
const full = "testdata/full.txtar"

// bad is what a variable may be instead of what it should be, made of a good
// value.
var bad = map[string]func(good string) string{
	"oversized":  func(string) string { return strings.Repeat("1", 5000) },
	"newline":    func(good string) string { return good + "\n" },
	"NUL":        func(good string) string { return good + "\x00" },
	"command":    func(string) string { return "$(reboot)" },
	"semicolon":  func(good string) string { return good + ";reboot" },
	"no UTF-8":   func(good string) string { return good + "\xff" },
	"option":     func(string) string { return "--help" },
	"path":       func(string) string { return "../../etc/passwd" },
	"leading 0":  func(good string) string { return "0" + good },
	"blank only": func(string) string { return " " },
	"empty":      func(string) string { return "" },
}

// TestEveryVariable gives each variable each bad value, and none at all.
// testdata/bad.golden has what comes of it: all that is wrong, or the lines in
// which the event differs.
func TestEveryVariable(t *testing.T) {
	const golden = "testdata/bad.golden"
	var b strings.Builder
	for _, daemon := range []hook.Daemon{hook.Pluto, hook.Charon} {
		good := fullCall(t, string(daemon))
		want := outcome(good)
		for _, name := range hook.Variables[daemon] {
			name = strings.TrimSuffix(name, "_N") + map[bool]string{true: "_1"}[strings.HasSuffix(name, "_N")]
			if good.env[name] == "" {
				t.Errorf("%s of %s has no value", name, daemon)
			}
			read := false
			try := func(what string, env map[string]string) {
				got := outcome(call{env: env})
				read = read || got != want
				fmt.Fprintf(&b, "%s %s %s: %s\n", daemon, name, what, difference(want, got))
			}
			env := maps.Clone(good.env)
			delete(env, name)
			try("missing", env)
			for _, what := range slices.Sorted(maps.Keys(bad)) {
				env := maps.Clone(good.env)
				env[name] = bad[what](good.env[name])
				try(what, env)
			}
			if !read {
				t.Errorf("%s of %s makes no difference", name, daemon)
			}
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || b.String() != string(want) {
		t.Errorf("%v, got:\n%s", err, difference(string(want), b.String()))
	}
}

func fullCall(t *testing.T, name string) call {
	ar, err := txtar.ParseFile(full)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{}
	for _, f := range ar.Files {
		cases[f.Name] = string(f.Data)
	}
	return readCase(t, cases, name)
}

// difference returns the lines that are in got alone.
func difference(want, got string) string {
	if got == want {
		return "no matter"
	}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if !strings.HasPrefix(got, "error") {
		lines = slices.DeleteFunc(lines, func(l string) bool { return slices.Contains(strings.Split(want, "\n"), l) })
	}
	if len(lines) == 0 {
		return "less is said"
	}
	return strings.Join(lines, " | ")
}

// TestVariablesComplete checks that no name of a variable is in the sources
// that Variables does not have.
func TestVariablesComplete(t *testing.T) {
	var all []string
	for _, names := range hook.Variables {
		for _, name := range names {
			all = append(all, strings.TrimSuffix(name, "4_N"), strings.TrimSuffix(name, "6_N"), name)
		}
	}
	variable := regexp.MustCompile(`^(PLUTO|CONNMARK|VTI|INTERFACE|UPDOWN)_[A-Z0-9_]+$`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			name, err := strconv.Unquote(lit.Value)
			if err == nil && variable.MatchString(name) {
				found++
				if !slices.Contains(all, name) {
					t.Errorf("%s has %s, which Variables has not", file, name)
				}
			}
			return true
		})
	}
	if found < 50 {
		t.Errorf("found %d names only", found)
	}
}
