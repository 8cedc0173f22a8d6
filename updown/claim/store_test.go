package claim

import (
	"bytes"
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
	lock, err := s.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lock.Release)
	return s
}

func mustChange(t *testing.T, s *Store, c Change) {
	t.Helper()
	if err := s.Change(c); err != nil {
		t.Fatal(err)
	}
}

// TestNames puts claims under names of all sorts, and finds every one again.
func TestNames(t *testing.T) {
	s := locked(t, t.TempDir())
	names := []string{"north-east", "net/1x2", "../../etc/passwd", "..", ".", "a b", "ü\n", "%2F", ".json", "-rf", "a\x00b"}
	for _, name := range names {
		c := claimOf(name)
		c.Wants = []string{"link ipsec1"}
		mustChange(t, s, Change{Put: []plan.Claim{c}})
	}
	claims, _, err := s.All()
	if err != nil || len(claims) != len(names) {
		t.Fatalf("%d claims, want %d: %v", len(claims), len(names), err)
	}
	mustChange(t, s, Change{Remove: names})
	if claims, _, err := s.All(); err != nil || len(claims) > 0 {
		t.Errorf("%v %v", claims, err)
	}
	if err := s.Read(func(r *Reader) error {
		if name, ok := r.Wants("link ipsec1", nil); ok {
			t.Errorf("%q is still in the index", name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestIndex finds claims by what they want, as they are after the last change.
func TestIndex(t *testing.T) {
	s := locked(t, t.TempDir())
	a, b := claimOf("a"), claimOf("b")
	a.Wants, b.Wants = []string{"link ipsec1", "place 50 100"}, []string{"link ipsec1", "link ipsec10", "place 51 200"}
	mustChange(t, s, Change{Put: []plan.Claim{a, b}})
	b.Wants = []string{"link ipsec10", "place 51 200"}
	mustChange(t, s, Change{Put: []plan.Claim{b}})
	if err := s.Read(func(r *Reader) error {
		for _, tt := range []struct {
			what, skip, want string
		}{
			{"link ipsec1", "", "a"},
			{"link ipsec1", "a", ""},
			{"link ipsec10", "", "b"},
			{"link ipsec", "", ""},
			{"link ipsec100", "", ""},
		} {
			if got, ok := r.Wants(tt.what, map[string]bool{tt.skip: true}); got != tt.want || ok != (tt.want != "") {
				t.Errorf("%q is wanted by %q, want %q", tt.what, got, tt.want)
			}
		}
		if got, want := r.Wanted("place "), []string{"place 50 100", "place 51 200"}; !reflect.DeepEqual(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSaved(t *testing.T) {
	s := locked(t, t.TempDir())
	for _, want := range [][]plan.Saved{{{Kind: "sysctl", Link: "eth0", Name: "rp_filter", Was: "1", Ours: "2"}}, nil} {
		mustChange(t, s, Change{Saved: want})
		if _, got, err := s.All(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v %v", got, err)
		}
	}
}

// TestNothing reads a store that does not exist.
func TestNothing(t *testing.T) {
	claims, saved, err := Open(filepath.Join(t.TempDir(), "none")).All()
	if claims != nil || saved != nil || err != nil {
		t.Errorf("%v %v %v", claims, saved, err)
	}
}

// TestDamage refuses a file that is not what was written, whole or in part.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, dir)
	mustChange(t, s, Change{Put: []plan.Claim{claimOf("a")}})
	file := filepath.Join(dir, "claims.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string][]byte{
		"text":    []byte("not a database"),
		"cut":     whole[:len(whole)/2],
		"zeros":   make([]byte, len(whole)),
		"garbage": append(bytes.Repeat([]byte{0xff}, len(whole)/2), whole[len(whole)/2:]...),
	} {
		if err := os.WriteFile(file, damage, 0o600); err != nil {
			t.Fatal(err)
		}
		want := file + " is damaged: "
		for verb, do := range map[string]func() error{
			"read":   func() error { _, _, err := s.All(); return err },
			"change": func() error { return s.Change(Change{Put: []plan.Claim{claimOf("b")}}) },
		} {
			if err := do(); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s, %s: error %v, want %q", name, verb, err, want)
			}
		}
	}
}

// TestDamagedClaims names every claim that cannot be used.
func TestDamagedClaims(t *testing.T) {
	s := locked(t, t.TempDir())
	if err := s.transact(true, func(r *Reader) error {
		b := r.bucket(claimsBucket)
		for name, text := range map[string]string{
			"bad":   `{"name": "ba`,
			"empty": `{}`,
			"null":  `null`,
			"other": `{"name": "b", "tunnel": {"link": "ipsec1", "if_id": 1}}`,
			"link":  `{"name": "link", "tunnel": {"if_id": 1}}`,
			"id":    `{"name": "id", "previous": [{"link": "ipsec1"}], "tunnel": {"link": "ipsec1", "if_id": 1}}`,
			"pair":  `{"name": "pair", "tunnel": {"link": "ipsec1", "if_id": 1, "pairs": [{"ours": "10.0.0.0/8"}]}}`,
		} {
			if err := b.Put([]byte(name), []byte(text)); err != nil {
				return err
			}
		}
		return r.bucket(savedBucket).Put(savedKey, []byte("[{"))
	}); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.All()
	for _, want := range []string{
		`the claim of conn "bad" in ` + s.path() + " is damaged: unexpected end of JSON input",
		`its name is "", a link is missing, an if_id is missing`,
		`the claim of conn "null" in`,
		`its name is "b"`,
		`the claim of conn "link" in ` + s.path() + " is damaged: a link is missing",
		`the claim of conn "id" in ` + s.path() + " is damaged: an if_id is missing",
		`the claim of conn "pair" in ` + s.path() + " is damaged: a subnet of a pair is missing",
		"the record of what was changed of the host in " + s.path() + " is damaged: unexpected end of JSON input",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := locked(t, dir)
	mustChange(t, s, Change{Put: []plan.Claim{claimOf("a")}})
	for name, want := range map[string]os.FileMode{".": os.ModeDir | 0o755, "lock": 0o600, "claims.db": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}
}

// TestCreateAfterCrash begins anew where somebody was killed while he made the
// file.
func TestCreateAfterCrash(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "claims.db.new"), make([]byte, 4096), 0o644); err != nil {
		t.Fatal(err)
	}
	s := locked(t, dir)
	if claims, _, err := s.All(); err != nil || len(claims) > 0 {
		t.Fatalf("%v %v", claims, err)
	}
	mustChange(t, s, Change{Put: []plan.Claim{claimOf("a")}})
	if claims, _, err := s.All(); err != nil || len(claims) != 1 {
		t.Errorf("%v %v", claims, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v %v, want claims.db and lock", left, err)
	}
}

// TestWhole forgets with the store that no claim is lost, and never without it.
func TestWhole(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, dir)
	whole := func() (is bool) {
		if err := s.Read(func(r *Reader) error { is = r.Whole(); return nil }); err != nil {
			t.Fatal(err)
		}
		return is
	}
	if whole() {
		t.Error("without a store, claims may be lost")
	}
	mustChange(t, s, Change{Put: []plan.Claim{claimOf("a")}})
	if whole() {
		t.Error("nobody has seen that no claim is lost")
	}
	mustChange(t, s, Change{Whole: true})
	mustChange(t, s, Change{Remove: []string{"a"}})
	if !whole() {
		t.Error("a later change does not keep it")
	}
	if err := os.Remove(filepath.Join(dir, "claims.db")); err != nil {
		t.Fatal(err)
	}
	if whole() {
		t.Error("the claims are lost")
	}
}
