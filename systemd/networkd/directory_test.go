package networkd_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/systemd/networkd"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// head begins a file of ours.
const head = "# made by ipsecif from conn \"a\" at /etc/ipsec.conf:1:1, do not edit\n"

// TestDirectory changes files, and undoes that.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	d := networkd.Directory(dir)
	old := networkd.Change{"50-ipsecif-a.network": head + "old\n", "50-ipsecif-a.netdev": head}
	if _, err := d.Apply(old); err != nil {
		t.Fatal(err)
	}
	change := networkd.Change{
		"50-ipsecif-a.network": head + "new\n", "50-ipsecif-a.netdev": "",
		"10-eth0.network.d/50-ipsecif-b.conf": head, "50-ipsecif-gone.network": "",
	}
	undo, err := d.Apply(change)
	if err != nil {
		t.Fatal(err)
	}
	ours := func(want networkd.Change) {
		t.Helper()
		if got, err := d.Ours(); err != nil || !maps.Equal(got, want) {
			t.Errorf("there are %q (%v), want %q", got, err, want)
		}
	}
	ours(networkd.Change{"50-ipsecif-a.network": head + "new\n", "10-eth0.network.d/50-ipsecif-b.conf": head})
	if info, err := os.Stat(filepath.Join(dir, "50-ipsecif-a.network")); err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := d.Apply(undo); err != nil {
		t.Fatal(err)
	}
	ours(old)
	if left, err := os.ReadDir(dir); err != nil || len(left) != len(old) {
		t.Errorf("left are %v, %v", left, err)
	}
}

// TestDirectoryOfOthers leaves alone what somebody else has put there, and
// everything if some of it is in the way.
func TestDirectoryOfOthers(t *testing.T) {
	dir := t.TempDir()
	d := networkd.Directory(dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(
		os.WriteFile(path("50-ipsecif-a.network"), []byte("\n"+head), 0o600),
		os.Symlink("/dev/null", path("50-ipsecif-b.network")),
		os.Mkdir(path("50-ipsecif-c.network"), 0o755),
		os.WriteFile(path("50-ipsecif-d.network"), []byte(head), 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Apply(networkd.Change{
		"50-ipsecif-a.network": "", "50-ipsecif-b.network": head, "50-ipsecif-c.network": head, "50-ipsecif-d.network": "", "50-ipsecif-e.network": head,
	})
	for _, name := range []string{"a", "b", "c"} {
		if want := path("50-ipsecif-"+name+".network") + " exists, and does not begin as the files of ipsecif do"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if got, err := d.Ours(); err != nil || len(got) != 1 || got["50-ipsecif-d.network"] != head {
		t.Errorf("ours are %q, %v", got, err)
	}
	if _, err := os.Stat(path("50-ipsecif-e.network")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestDirectoryError undoes what was done until a file could not be written.
func TestDirectoryError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "90.network.d"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d := networkd.Directory(dir)
	_, err := d.Apply(networkd.Change{"50-ipsecif-a.network": head, "90.network.d/50-ipsecif-a.conf": head})
	if err == nil || !strings.Contains(err.Error(), "90.network.d") {
		t.Errorf("error %v", err)
	}
	if got, err := d.Ours(); err != nil || len(got) > 0 {
		t.Errorf("left are %q, %v", got, err)
	}
}

// FuzzRender has names of conns and files of any kind: they stay in the lines of
// the header, from which the conns are read back.
func FuzzRender(f *testing.F) {
	f.Add("a", "/etc/ipsec.conf:1:1")
	f.Add("a\n[Route]\nDestination=0.0.0.0/0", "b\\\n[Match]\nName=*")
	f.Add("\"\\", "\r[Network]\r")
	plain := render(f, "plain", "")
	f.Fuzz(func(t *testing.T, name, where string) {
		if name == "" {
			return
		}
		for i, file := range render(t, name, where) {
			if got := networkd.Sources(file.Text); !slices.Equal(got, []string{name}) {
				t.Errorf("the conns of %q are %q", file.Text, got)
			}
			first, rest, _ := strings.Cut(file.Text, "\n")
			_, want, _ := strings.Cut(plain[i].Text, "\n")
			if rest != want || strings.ContainsAny(first, "\r\n") {
				t.Errorf("%q has become %q", name, file.Text)
			}
		}
	})
}

func render(t testing.TB, name, where string) []networkd.File {
	t.Helper()
	tunnel := plan.Tunnel{Link: "ipsec1", IfID: 1, Scheme: routing.Overlay, Table: routing.DefaultTable, Priority: routing.DefaultPriority}
	claims := []plan.Claim{{Name: name, Where: where, Tunnel: tunnel}}
	want, _ := plan.Compile(claims, plan.Facts{})
	r, err := networkd.Render(networkd.Request{Claims: claims, Want: want})
	if err != nil || len(r.Files) != 2 {
		t.Fatalf("%v, %v", r.Files, err)
	}
	return r.Files
}
