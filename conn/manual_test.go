package conn

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const manual = "ipsecif.conf.5"

// TestManualForm checks the manual page with mandoc, which must be installed.
func TestManualForm(t *testing.T) {
	out, err := exec.Command("mandoc", "-Tlint", "-Wwarning", manual).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("mandoc %s: %v\n%s", manual, err, out)
	}
}

// manualItems returns the words that head an entry of a section whose name
// matches, such as "leftsubnet" of ".It Cm leftsubnet Ns = Ns Ar list".
func manualItems(t *testing.T, section string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`^(` + section + `)\n`)
	items := map[string]bool{}
	for _, part := range strings.Split(string(text), "\n.Sh ") {
		if !named.MatchString(part) {
			continue
		}
		for _, line := range regexp.MustCompile(`(?m)^\.It Cm (.*)$`).FindAllStringSubmatch(part, -1) {
			heads, _, _ := strings.Cut(line[1], " Ns = Ns ")
			for _, head := range strings.Split(heads, " , ") {
				items[head] = true
			}
		}
	}
	return items
}

// TestManualKeys checks that the manual page describes every key that gets a
// type, own ones in both spellings, and no key that does not exist.
func TestManualKeys(t *testing.T) {
	described := manualItems(t, "KEYS OF CONFIG SETUP|KEYS OF A CONN|OWN KEYS")
	for _, key := range typedKeys(t) {
		if !described[key] {
			t.Errorf("%s does not describe the key %s", manual, key)
		}
		if keyFor(key).row().flags&own != 0 && !described[ownPrefix+key] {
			t.Errorf("%s does not describe the spelling %s", manual, ownPrefix+key)
		}
	}
	for key := range described {
		if m, ok := lookupKey(key); !ok || m.noSide {
			t.Errorf("%s describes %q, which is no key", manual, key)
		}
	}
}

// typedKeys returns the keys that the package asks for by keyFor.
func typedKeys(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := goparser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "keyFor" {
				return true
			}
			key, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
			return true
		})
	}
	if len(keys) < 40 {
		t.Fatalf("found the keys %q only", keys)
	}
	return keys
}

// TestManualFindings checks that the manual page describes the codes of Lint,
// and no others.
func TestManualFindings(t *testing.T) {
	described := manualItems(t, "FINDINGS OF CHECK")
	for _, code := range codesOf(t, "lint.go") {
		if !described[code] {
			t.Errorf("%s does not describe the finding %s", manual, code)
		}
		delete(described, code)
	}
	for code := range described {
		t.Errorf("%s describes the finding %s, which does not exist", manual, code)
	}
}

// TestManualExamples checks that the examples of the manual page are free of
// errors, and of warnings where their file is named ipsecif.conf.
func TestManualExamples(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n.Sh EXAMPLES\n")
	blocks := regexp.MustCompile(`(?s)\n\.Bd [^\n]*\n(.*?)\.Ed\n`).FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("found %d examples", len(blocks))
	}
	for i, file := range []string{"/etc/ipsec.conf", "/etc/ipsecif.conf"} {
		if got := lintOutput(memFS{file: blocks[i][1]}, file, HostFacts{}); got != "" {
			t.Errorf("%s\nhas these problems:\n%s", blocks[i][1], got)
		}
	}
}
