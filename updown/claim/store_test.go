package claim

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/updown/plan"
)

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
	names := []string{"north-east", "net/1x2", "../../etc/passwd", "..", ".", "a b", "ü\n", "%2F", ".new-1", "-rf"}
	for _, name := range names {
		if err := s.Put(plan.Claim{Name: name, Owner: "admin"}); err != nil {
			t.Fatal(err)
		}
	}
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

// TestDamage names the file that cannot be read, and passes over one that was
// being written when its writer died.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, dir)
	cut := filepath.Join(dir, "claims", ".new-123")
	bad := filepath.Join(dir, "claims", "bad.json")
	for _, f := range []string{cut, bad} {
		if err := os.WriteFile(f, []byte(`{"name": "ba`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.All(); err == nil || !strings.Contains(err.Error(), bad+" is damaged") {
		t.Errorf("error %v does not name %s", err, bad)
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	if claims, _, err := s.All(); err != nil || len(claims) > 0 {
		t.Errorf("%v %v", claims, err)
	}
	s.sweep()
	if _, err := os.Stat(cut); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", cut, err)
	}
}

func TestLockExcludes(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Open(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		unlock, err := Open(dir).Lock()
		if err == nil {
			unlock()
		}
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("a second holder got the lock (%v)", err)
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	dir := t.TempDir()
	s := locked(t, dir)
	if err := s.Put(plan.Claim{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"lock": 0o600, "claims": os.ModeDir | 0o755, "claims/a.json": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}
}
