package networkd_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/systemd/networkd"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestRender renders the ipsec.conf of each testdata/render/*.txtar on a host
// with the kernel that the case has, and compares the files, the notes and the
// errors with its part output. Under has lines of an interface, the device that
// it is bound to, and the .network file of that.
func TestRender(t *testing.T) {
	cases, err := filepath.Glob("testdata/render/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range ar.Files {
				parts[f.Name] = string(f.Data)
			}
			got := rendering(t, parts)
			last := &ar.Files[len(ar.Files)-1]
			if last.Name != "output" {
				t.Fatal("output is not the last part")
			}
			if *update {
				last.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != parts["output"] {
				t.Errorf("got:\n%s\nwant:\n%s", got, parts["output"])
			}
		})
	}
}

func rendering(t *testing.T, parts map[string]string) string {
	t.Helper()
	kernel := fake.New()
	for name := range strings.FieldsSeq(parts["netns"]) {
		kernel.AddNetns(name)
	}
	for line := range strings.Lines(parts["kernel"]) {
		op, err := plan.ParseOp(line)
		if err == nil {
			err = kernel.Apply([]plan.Op{op}, func(plan.Op) {})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	e := updown.Engine{Kernel: kernel, Store: claim.Open(t.TempDir())}
	claims, want, err := e.Wanted(conns(t, parts["ipsec.conf"]))
	if err != nil {
		return fmt.Sprintln("error:", err)
	}
	under := map[string]networkd.Under{}
	for line := range strings.Lines(parts["under"]) {
		words := strings.Fields(line)
		under[words[0]] = networkd.Under{Link: words[1], Network: words[2]}
	}
	r, err := networkd.Render(networkd.Request{Claims: claims, Want: want, Under: under})
	var b strings.Builder
	for _, f := range r.Files {
		// Each case is a txtar itself, and its parts begin with the same dashes.
		fmt.Fprintf(&b, "== %s\n%s\n", f.Name, f.Text)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(&b, "note:", n)
	}
	if err != nil {
		fmt.Fprintln(&b, "error:", strings.ReplaceAll(err.Error(), "\n", "\nerror: "))
	}
	return b.String()
}

func conns(t *testing.T, text string) []conn.Conn {
	t.Helper()
	f, ds := conn.Load(fstest.MapFS{"ipsec.conf": {Data: []byte(text)}}, "ipsec.conf")
	found, more := f.Conns()
	if err := append(ds, more...).Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
