package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the files that testdata/*.txtar compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ipsecif": main})
}

// TestScripts runs testdata/*.txtar: calls of the program that need no kernel.
// `status N COMMAND...` runs a command and compares its exit status, `claim DIR
// FILE...` writes claims to a state directory, and `claims DIR NAME...` wants
// those and no others to be there.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitStatus,
			"chmod":  chmod,
			"claim":  putClaims,
			"claims": showClaims,
		},
	})
}

// exitStatus runs a command and fails unless it ends with a status. Its output
// is for the commands stdout, stderr and cmp that follow.
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s ended with %v, want status %s", strings.Join(args[1:], " "), err, args[0])
	}
}

func putClaims(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: claim DIR FILE...")
	}
	s := claim.Open(ts.MkAbs(args[0]))
	lock, err := s.Lock()
	ts.Check(err)
	defer lock.Release()
	for _, file := range args[1:] {
		var c plan.Claim
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &c))
		ts.Check(s.Change(claim.Change{Put: []plan.Claim{c}}))
	}
}

func showClaims(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: claims DIR [NAME...]")
	}
	claims, _, err := claim.Open(ts.MkAbs(args[0])).All()
	ts.Check(err)
	var names []string
	for _, c := range claims {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, args[1:]) {
		ts.Fatalf("there are claims of %q, want %q", names, args[1:])
	}
}

func chmod(ts *testscript.TestScript, neg bool, args []string) {
	var mode os.FileMode
	if neg || len(args) != 2 {
		ts.Fatalf("usage: chmod MODE FILE")
	}
	if _, err := fmt.Sscanf(args[0], "%o", &mode); err != nil {
		ts.Fatalf("mode %s: %v", args[0], err)
	}
	ts.Check(os.Chmod(ts.MkAbs(args[1]), mode))
}

// TestSourcePlace checks the same for route-by=source: a conn that has its
// rules 5 above them may use them, and one that has them 4 above may not.
func TestSourcePlace(t *testing.T) {
	for above, code := range map[uint32]string{4: conn.CodePriorityClash, 5: ""} {
		table, ok := routing.SourceTableOf(1)
		if !ok || table != plan.SourcePlace.Table+1 {
			t.Fatalf("the table of if_id 1 is %s", table)
		}
		text := fmt.Sprintf("conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tif_id=1\n\troute-by=source\n"+
			"conn b\n\tleft=192.0.2.1\n\tright=192.0.2.3\n\tif_id=2\n\ttable=%d\n\trule-priority=%d\n", uint32(plan.SourcePlace.Table)-1, plan.SourcePlace.Priority+above)
		lintHas(t, text, code)
	}
}

// lintHas expects one finding, or none.
func lintHas(t *testing.T, text, code string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ipsecif.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, ds := conn.Load(conf.Host{}, name)
	conns, more := f.Conns()
	ds = append(append(ds, more...), f.Lint(conns, conn.HostFacts{})...)
	if code == "" && len(ds) > 0 || code != "" && (len(ds) != 1 || ds[0].Code != code) {
		t.Errorf("%s\n%v, want %q", text, ds, code)
	}
}

// TestDefaultPlace checks that Lint knows the table and the priority that a
// conn gets without keys: a conn with scheme=underlay must clash with one that
// says nothing exactly there.
func TestDefaultPlace(t *testing.T) {
	p := plan.DefaultPlace
	for _, tt := range []struct {
		table, priority uint32
		code            string
	}{
		{uint32(p.Table), p.Priority, conn.CodeSchemeClash},
		{uint32(p.Table) + 1, p.Priority, conn.CodePriorityClash},
		{uint32(p.Table) + 1, p.Priority + 5, ""},
	} {
		text := fmt.Sprintf("conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tif_id=1\n"+
			"conn b\n\tleft=192.0.2.1\n\tright=192.0.2.3\n\tif_id=2\n\tscheme=underlay\n\ttable=%d\n\trule-priority=%d\n", tt.table, tt.priority)
		lintHas(t, text, tt.code)
	}
}
