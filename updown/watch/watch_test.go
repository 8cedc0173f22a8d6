package watch_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/watch"
)

// dir is a directory with a configuration that is watched.
type dir struct {
	*testing.T
	path    string
	watcher *watch.Watcher
}

func newDir(t *testing.T) *dir {
	d := &dir{T: t, path: t.TempDir()}
	for _, name := range []string{"state", "etc", "etc/conf.d", "real"} {
		d.check(os.Mkdir(d.at(name), 0o755))
	}
	d.write("real/ipsec.conf", "include "+d.at("etc/conf.d/*.conf")+"\ninclude "+d.at("etc/late/x.conf")+"\n")
	d.check(os.Symlink("../real/ipsec.conf", d.at("etc/ipsec.conf")))
	before := runtime.NumGoroutine()
	w, err := watch.Open(d.at("state"))
	d.check(err)
	d.watcher = w
	t.Cleanup(func() {
		w.Close()
		for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines, %d before", n, before)
		}
	})
	d.arm()
	return d
}

func (d *dir) at(name string) string { return filepath.Join(d.path, name) }

func (d *dir) check(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *dir) write(name, text string) {
	d.Helper()
	d.check(os.WriteFile(d.at(name), []byte(text), 0o644))
}

// arm reads the configuration and watches it.
func (d *dir) arm() {
	d.Helper()
	var trail conf.Trail
	conn.Load(&trail, d.at("etc/ipsec.conf"))
	d.check(d.watcher.Configuration(trail.Places()))
}

// reason waits until a reason is told.
func (d *dir) reason(want watch.Reason) {
	d.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case r := <-d.watcher.Reasons():
			if r.Has(want) {
				return
			}
		case <-limit:
			d.Fatalf("was not told of %s", want)
		}
	}
}

// quiet empties what was told, up to a change of which is known when it is told.
func (d *dir) quiet() {
	d.Helper()
	d.write("state/claims.db", "")
	d.reason(watch.Claims)
}

// TestConfiguration edits a configuration in every way.
func TestConfiguration(t *testing.T) {
	d := newDir(t)
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"write", func() {
			d.write("real/ipsec.conf", "include "+d.at("etc/conf.d/*.conf")+"\ninclude "+d.at("etc/late/x.conf")+"\n")
		}},
		{"new file", func() { d.write("etc/conf.d/a.conf", "") }},
		{"truncate", func() { d.check(os.Truncate(d.at("etc/conf.d/a.conf"), 0)) }},
		{"rename", func() {
			d.write("new", "include "+d.at("etc/conf.d/*.conf")+"\ninclude "+d.at("etc/late/x.conf")+"\n")
			d.check(os.Rename(d.at("new"), d.at("real/ipsec.conf")))
		}},
		{"removed", func() { d.check(os.Remove(d.at("etc/conf.d/a.conf"))) }},
		{"directory goes", func() { d.check(os.Remove(d.at("etc/conf.d"))) }},
		{"and comes", func() { d.check(os.Mkdir(d.at("etc/conf.d"), 0o755)) }},
		{"with a file", func() { d.write("etc/conf.d/b.conf", "") }},
		{"a late directory", func() { d.check(os.Mkdir(d.at("etc/late"), 0o755)) }},
		{"its file", func() { d.write("etc/late/x.conf", "") }},
		{"another link", func() {
			d.write("etc/other.conf", "include "+d.at("etc/late/x.conf")+"\n")
			d.check(os.Symlink("other.conf", d.at("etc/link")))
			d.check(os.Rename(d.at("etc/link"), d.at("etc/ipsec.conf")))
		}},
		{"behind it", func() { d.write("etc/other.conf", "") }},
	} {
		t.Run(change.name, func(t *testing.T) {
			d.T = t
			d.quiet()
			change.do()
			d.reason(watch.Conf)
			d.arm()
		})
	}
	d.T = t
	// What concerns nobody.
	d.quiet()
	d.write("etc/passwd", "")
	d.write("etc/ipsec.secrets", "")
	d.write("real/other", "")
	d.write("state/claims.db", "")
	for r := watch.Reason(0); !r.Has(watch.Claims); {
		if r = <-d.watcher.Reasons(); r.Has(watch.Conf) {
			t.Error("told of a file that is not of the configuration")
		}
	}
}

// TestOpenFails says what is missing.
func TestOpenFails(t *testing.T) {
	if _, err := watch.Open(filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
