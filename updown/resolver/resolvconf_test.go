package resolver

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/updown/dns"
	"golang.org/x/sys/unix"
)

var server = []netip.Addr{netip.MustParseAddr("10.1.0.53")}

// TestEditKeeps keeps what is not the text of the file: owner, mode and that it
// is a link; and takes away what a killed process left.
func TestEditKeeps(t *testing.T) {
	dir := t.TempDir()
	file, path := filepath.Join(dir, "real"), filepath.Join(dir, "resolv.conf")
	leftover, foreign := filepath.Join(dir, ".real.ipsecif-4194305"), filepath.Join(dir, ".real.ipsecif-keep") // no kernel has that process
	for _, f := range []string{file, leftover, foreign} {
		if err := os.WriteFile(f, []byte("search a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	owner := os.Getuid()
	if owner == 0 {
		owner = 12345
	}
	if err := errors.Join(os.Symlink("real", path), os.Chmod(file, 0o640), os.Chown(file, owner, -1)); err != nil {
		t.Fatal(err)
	}
	check := func(want string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil || string(text) != want {
			t.Errorf("text %q, %v, want %q", text, err, want)
		}
		var s unix.Stat_t
		if err := unix.Lstat(file, &s); err != nil {
			t.Fatal(err)
		}
		if s.Mode != unix.S_IFREG|0o640 || int(s.Uid) != owner {
			t.Errorf("mode %o, owner %d", s.Mode, s.Uid)
		}
		if target, err := os.Readlink(path); target != "real" {
			t.Errorf("the link is %q, %v", target, err)
		}
	}
	for _, search := range [][]dns.Domain{nil, {"one.example.net"}, nil} {
		if changed, err := edit(path, server, search); err != nil || !changed {
			t.Fatal(changed, err)
		}
		check(dns.Edit("search a", server, search))
	}
	if changed, err := edit(path, server, nil); err != nil || changed {
		t.Errorf("changed %v, %v, though nothing is new", changed, err)
	}
	if changed, err := edit(path, nil, nil); err != nil || !changed {
		t.Fatal(changed, err)
	}
	check("search a")
	if _, err := os.Stat(leftover); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", leftover, err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
}

// TestRewritten does not put its text in the place of one that somebody wrote
// meanwhile.
func TestRewritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, []byte("new\n"), 0o644), os.Chtimes(file, time.Time{}, before.ModTime().Add(time.Millisecond))); err != nil {
		t.Fatal(err)
	}
	if err := replace(file, before, "ours\n"); !errors.Is(err, errRewritten) {
		t.Errorf("error %v", err)
	}
	if text, err := os.ReadFile(file); string(text) != "new\n" {
		t.Errorf("text %q, %v", text, err)
	}
}

func TestOverwrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	length := 0
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"short\n", strings.Repeat("longer\n", 700), "short\n", "without a line break"} {
		if err := overwrite(file, text, length); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); string(got) != text {
			t.Errorf("text %q, %v, want %q", got, err, text)
		}
		length = len(text)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another file (%v)", err)
	}
}

func TestNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	_, err := edit(dir, server, nil)
	if want := "changing the name servers in " + dir + ": " + dir + " is no regular file"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
