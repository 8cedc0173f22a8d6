package conf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/rogpeppe/go-internal/txtar"
)

// open returns an index that trusts files as young as they are in tests.
func open(t *testing.T) *Index {
	x := Open(filepath.Join(t.TempDir(), "state"))
	x.settle = -time.Hour
	return x
}

// counter loads a configuration and counts how often.
type counter struct {
	config string
	loads  int
}

func (c *counter) load(files conn.FS) (*conn.File, conn.Diagnostics) {
	c.loads++
	return conn.Load(files, c.config)
}

// told is what a hook learns of a configuration.
type told struct {
	Setup    conn.Setup
	Conns    []conn.Conn
	Problems string
	Extent   Extent
}

func tell(f *conn.File, e Extent, name string) told {
	setup, ds := f.Settings()
	conns, more := f.Lookup(name)
	return told{setup, conns, append(ds, more...).String(), e}
}

// write writes files below a directory, which takes the place of the root in
// their names and in what they include.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "/etc/", dir+"/etc/")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadAsWhole compares what the index tells with what the whole
// configuration tells, for every conn of every case of package conn.
func TestReadAsWhole(t *testing.T) {
	cases, err := filepath.Glob("../../conn/testdata/*.txtar")
	if err != nil || len(cases) < 80 {
		t.Fatalf("found %d cases, want at least 80 (%v)", len(cases), err)
	}
	indexed, typed := 0, 0
	for _, path := range cases {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dir, files := t.TempDir(), map[string]string{}
		for _, f := range archive.Files {
			if strings.HasPrefix(f.Name, "/") && !strings.HasSuffix(f.Name, "/") {
				files[f.Name] = string(f.Data)
			}
		}
		write(t, dir, files)
		x, c := open(t), &counter{config: filepath.Join(dir, archive.Files[0].Name)}
		whole, ds := conn.Load(Host{}, c.config)
		names := []string{"nobody", "nobody/1x1"}
		for i := range whole.Sections {
			names = append(names, whole.Sections[i].Name)
		}
		conns, _ := whole.Conns()
		for i := range conns {
			names = append(names, conns[i].Name)
		}
		for _, name := range names {
			f, e, _ := x.Read("", name, c.load)
			got, want := tell(f, e, name), tell(whole, ExtentOf(whole), name)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: conn %q is indexed as\n%+v, it is\n%+v", path, name, got, want)
			}
			typed += len(got.Conns)
		}
		relative := slices.ContainsFunc(ds, func(d conn.Diagnostic) bool { return d.Code == conn.CodeIncludeRelative })
		want := 1
		if ds.Err() != nil || relative {
			want = len(names)
		} else {
			indexed++
		}
		if c.loads != want {
			t.Errorf("%s: was loaded %d times for %d conns", path, c.loads, len(names))
		}
	}
	if indexed < 60 || typed < 100 {
		t.Errorf("%d cases with %d conns were indexed", indexed, typed)
	}
}

// sample is a configuration with all that may change.
func sample(t testing.TB) (dir string, c *counter) {
	dir = t.TempDir()
	write(t, dir, map[string]string{
		"/etc/ipsec.conf":        "config setup\n\tx-ipsecif-on-loss=block\ninclude /etc/ipsec.d/*.conf\ninclude /etc/late.conf\ninclude /etc/*/sub/x.conf\n",
		"/etc/ipsec.d/a.conf":    "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tipsec-interface=1\n\tx-ipsecif-table=70\n",
		"/etc/ipsec.d/b.conf":    "conn b\n\tleft=192.0.2.1\n\tright=192.0.2.3\n\tleftsubnets=10.0.0.0/8,11.0.0.0/8\n\trightsubnet=12.0.0.0/8\n",
		"/elsewhere/spare.conf":  "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tipsec-interface=1\n\tx-ipsecif-table=71\n",
		"/elsewhere/c/sub/.keep": "",
	})
	if err := os.Symlink(filepath.Join(dir, "elsewhere/c"), filepath.Join(dir, "etc/linked")); err != nil {
		t.Fatal(err)
	}
	return dir, &counter{config: filepath.Join(dir, "etc/ipsec.conf")}
}

// tick waits until the clock of the file system has moved on.
func tick(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "tick")
	var first time.Time
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if first.IsZero() {
			first = info.ModTime()
		} else if info.ModTime().After(first) {
			return
		}
	}
	t.Fatal("the clock of the file system stands still")
}

// TestChanges changes a configuration after it was indexed, and wants the next
// call to see it; or something beside it, and wants the index to hold.
func TestChanges(t *testing.T) {
	move := func(from, to string) func(dir string) error {
		return func(dir string) error { return os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)) }
	}
	put := func(name, text string) func(dir string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	}
	for _, test := range []struct {
		name  string
		do    func(dir string) error
		holds bool
	}{
		{"an edit that keeps size and time", func(dir string) error {
			path := filepath.Join(dir, "etc/ipsec.d/a.conf")
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(text), "=70", "=72", 1)), 0o644); err != nil {
				return err
			}
			return os.Chtimes(path, info.ModTime(), info.ModTime())
		}, false},
		{"another file in its place", move("elsewhere/spare.conf", "etc/ipsec.d/a.conf"), false},
		{"one file fewer", move("etc/ipsec.d/a.conf", "elsewhere/a.conf"), false},
		{"one file more", put("etc/ipsec.d/c.conf", "conn c\n"), false},
		{"a missing file appears", put("etc/late.conf", "conn late\n"), false},
		{"a directory more for a pattern", func(dir string) error { return os.MkdirAll(filepath.Join(dir, "etc/new/sub"), 0o755) }, false},
		{"a missing file appears behind a link", put("elsewhere/c/sub/x.conf", "conn x\n"), false},
		{"a link points elsewhere", func(dir string) error {
			link := filepath.Join(dir, "etc/linked")
			return errors.Join(os.MkdirAll(filepath.Join(dir, "elsewhere/d/sub"), 0o755), put("elsewhere/d/sub/x.conf", "conn x\n")(dir),
				os.Remove(link), os.Symlink("../elsewhere/d", link))
		}, false},
		{"the main file is gone", move("etc/ipsec.conf", "elsewhere/ipsec.conf"), false},
		{"nothing", func(string) error { return nil }, true},
		{"a file that is no part of it", put("elsewhere/c/other", "x"), true},
		{"a file beside one that is part of it", put("etc/linked/sub/other", "x"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, c := sample(t)
			x := open(t)
			x.Read("", "a", c.load)
			if x.Read("", "a", c.load); c.loads != 1 {
				t.Fatalf("without a change it was loaded %d times", c.loads)
			}
			tick(t, dir)
			if err := test.do(dir); err != nil {
				t.Fatal(err)
			}
			f, e, _ := x.Read("", "a", c.load)
			if (c.loads == 1) != test.holds {
				t.Errorf("loaded %d times", c.loads)
			}
			whole, _ := conn.Load(Host{}, c.config)
			if got, want := tell(f, e, "a"), tell(whole, ExtentOf(whole), "a"); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestKey asks for the same files with another key.
func TestKey(t *testing.T) {
	_, c := sample(t)
	x := open(t)
	x.Read("", "a", c.load)
	if x.Read("other", "a", c.load); c.loads != 2 {
		t.Errorf("loaded %d times", c.loads)
	}
}

// TestYoung does not trust files that may change without a sign of it.
func TestYoung(t *testing.T) {
	_, c := sample(t)
	x := open(t)
	x.settle = time.Hour
	x.Read("", "a", c.load)
	if _, err := os.Stat(x.path); err == nil || c.loads != 1 {
		t.Errorf("it is indexed (%v)", err)
	}
}

// TestRelative does not index what depends on the working directory.
func TestRelative(t *testing.T) {
	dir, c := sample(t)
	write(t, dir, map[string]string{"/etc/ipsec.d/rel.conf": "include some.conf\n"})
	x := open(t)
	x.Read("", "a", c.load)
	if x.Read("", "a", c.load); c.loads != 2 {
		t.Errorf("loaded %d times", c.loads)
	}
}

// TestDamaged damages each byte of the index, and cuts it off at each, and wants
// the truth or nothing of what is left.
func TestDamaged(t *testing.T) {
	_, c := sample(t)
	x := open(t)
	whole, _, _ := x.Read("", "a", c.load)
	good, err := os.ReadFile(x.path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(x.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	refused := 0
	for _, name := range []string{"a", "b/1x1", "nobody"} {
		want := tell(whole, ExtentOf(whole), name)
		check := func(what string, content []byte) {
			f, e, ok := findIn(&table{from: bytes.NewReader(content), size: int64(len(content))}, "", name)
			if !ok {
				refused++
			} else if got := tell(f, e, name); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: conn %q is %+v, want %+v", what, name, got, want)
			}
		}
		for i := range good {
			bad := append([]byte{}, good...)
			bad[i] ^= 0x5a
			check(fmt.Sprint("byte ", i), bad)
			check(fmt.Sprint("cut at ", i), good[:i])
			bad = append(append([]byte{}, good[:i]...), make([]byte, len(good)-i)...)
			check(fmt.Sprint("zeros from ", i), bad)
		}
	}
	if refused < 3*len(good) {
		t.Errorf("only %d times the damage was found", refused)
	}
	if err := os.WriteFile(x.path, good[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		x.Read("", "a", c.load)
	}
	if c.loads != 2 {
		t.Errorf("loaded %d times: the index was not built anew, once", c.loads)
	}
}

// TestReadOnly reads everything where no index can be written.
func TestReadOnly(t *testing.T) {
	dir, c := sample(t)
	x := Open(filepath.Join(dir, "etc/ipsec.conf/state"))
	x.settle = -time.Hour
	for range 2 {
		f, _, ds := x.Read("", "a", c.load)
		if conns, _ := f.Lookup("a"); len(conns) != 1 || ds.Err() != nil {
			t.Errorf("%d conns (%v)", len(conns), ds.Err())
		}
	}
	if c.loads != 2 {
		t.Errorf("loaded %d times", c.loads)
	}
}
