package claim

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/plan"
)

// claimOf returns a claim that is not damaged.
func claimOf(name string) plan.Claim {
	return plan.Claim{Name: name, Owner: "admin", Tunnel: plan.Tunnel{Link: "ipsec1", IfID: 1}}
}

func locked(t *testing.T, dir string) *Store {
	t.Helper()
	s := Open(dir)
	unlock, err := s.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
	return s
}

// TestNames puts claims under names that no path must be made of, and finds
// every one again, in the directory and nowhere else.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, filepath.Join(dir, "state"))
	names := []string{"north-east", "net/1x2", "../../etc/passwd", "..", ".", "a b", "ü\n", "%2F", ".new-1", "%2Enew-1", ".json", "-rf"}
	for _, name := range names {
		if err := s.Put(claimOf(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.sweep() // as the next who takes the lock
	claims, _, err := s.All()
	if err != nil || len(claims) != len(names) {
		t.Fatalf("%d claims, want %d: %v", len(claims), len(names), err)
	}
	for _, c := range claims {
		if err := s.Remove(c.Name); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	if err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if !e.IsDir() {
			left = append(left, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "state", "lock")}; !reflect.DeepEqual(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

func TestSaved(t *testing.T) {
	s := locked(t, t.TempDir())
	want := []plan.Saved{{Kind: "sysctl", Link: "eth0", Name: "rp_filter", Was: "1", Ours: "2"}}
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	if _, got, err := s.All(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v", got, err)
	}
	if err := s.Save(nil); err != nil {
		t.Fatal(err)
	}
	if _, got, err := s.All(); err != nil || got != nil {
		t.Errorf("%v %v", got, err)
	}
}

// TestDamage passes over a file that was being written when its writer died,
// and names every one that cannot be used.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, dir)
	cut := filepath.Join(dir, "claims", ".new-123")
	if err := os.WriteFile(cut, []byte(`{"name": "ba`), 0o600); err != nil {
		t.Fatal(err)
	}
	if claims, _, err := s.All(); err != nil || len(claims) > 0 {
		t.Errorf("%v %v", claims, err)
	}
	s.sweep()
	if _, err := os.Stat(cut); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", cut, err)
	}
	const tunnel = `"tunnel": {"link": "ipsec1", "if_id": 1}`
	tests := []struct{ file, text, want string }{
		{"claims/bad.json", `{"name": "ba`, `the claim of conn "bad" in FILE is damaged: unexpected end of JSON input; ` +
			"without its claim the conn loses its protection: remove the file and run `ipsecif up bad` to bring it back"},
		{"claims/net%2F1x2.json", `{}`, `the claim of conn "net/1x2" in FILE is damaged: its name is "", a link is missing, an if_id is missing; `},
		{"claims/null.json", `null`, `the claim of conn "null" in FILE is damaged: its name is ""`},
		{"claims/a.json", `{"name": "b", ` + tunnel + `}`, `is damaged: its name is "b"; `},
		{"claims/a.json", `{"name": "a", "tunnel": {"if_id": 1}}`, `is damaged: a link is missing; `},
		{"claims/a.json", `{"name": "a", "tunnel": {"link": "ipsec1"}}`, `is damaged: an if_id is missing; `},
		{"claims/a.json", `{"name": "a", "previous": [{"link": "ipsec1"}], ` + tunnel + `}`, `is damaged: an if_id is missing; `},
		{"claims/a.json", `{"name": "a", "tunnel": {"link": "ipsec1", "if_id": 1, "pairs": [{"ours": "10.0.0.0/8"}]}}`, `is damaged: a subnet of a pair is missing; `},
		{"claims/%zz.json", `{"name": "%zz", ` + tunnel + `}`, `FILE is no name of a claim's file; remove it`},
		{"claims/%61.json", `{"name": "a", ` + tunnel + `}`, `FILE is no name of a claim's file; remove it`},
		{"saved.json", `[{`, `FILE is damaged: unexpected end of JSON input; remove it, `},
	}
	for _, test := range tests {
		file := filepath.Join(dir, test.file)
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(test.want, "FILE", file)
		if _, _, err := s.All(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s with %s: error %q, want %q", test.file, test.text, err, want)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamages names more than one file at once.
func TestDamages(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, dir)
	files := []string{"claims/a.json", "claims/b.json", "saved.json"}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := s.All()
	for _, f := range files {
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, f)+" is damaged") {
			t.Errorf("error %q does not name %s", err, f)
		}
	}
}

func TestModes(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, dir)
	if err := s.Put(claimOf("a")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"lock": 0o600, "claims": os.ModeDir | 0o755, "claims/a.json": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}
}
