package pluto

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/differential"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// TestCorpus gives each file of the corpus to pluto, and compares what it makes
// of each conn with what conn does. A new case is a new conn in one of the files
// or a new file.
func TestCorpus(t *testing.T) {
	hosts.Require(t)
	n, err := hosts.New(t.TempDir(), "west")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	west := n.Host("west")
	locals := localsOf(t, west)
	files, err := filepath.Glob("corpus/*.conf")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files, want at least 20 (%v)", len(files), err)
	}
	count := counts{explained: map[string]int{}}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".conf"), func(t *testing.T) {
			count.compare(t, west, locals, file)
		})
	}
	t.Logf("%d conns loaded, %d refused; explained: %v", count.loaded, count.refused, count.explained)
	if count.loaded < 400 || count.refused < 100 {
		t.Errorf("%d conns were loaded and %d refused, want at least 400 and 100", count.loaded, count.refused)
	}
	for _, e := range List() {
		if count.explained[e.Name] == 0 {
			t.Errorf("no conn needs the explanation %s (%s)", e.Name, e.Reason)
		}
	}
}

// localsOf reads the addresses and default routes of a host as ipsecif does.
func localsOf(t *testing.T, h *hosts.Host) conn.Locals {
	t.Helper()
	var o plan.Observation
	err := h.Do(func() error {
		k, err := kernel.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		o, err = k.Observe(plan.Query{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o.Facts.Locals
}

// counts is what the comparison has shown so far.
type counts struct {
	loaded, refused int
	explained       map[string]int // name of an explanation -> sections that need it
}

// compare gives one file to pluto.
func (n *counts) compare(t *testing.T, west *hosts.Host, locals conn.Locals, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, problems := conn.Load(differential.Files{mainFile: string(text)}, mainFile)
	if err := problems.Err(); err != nil { // the other differential test is about these
		t.Fatal(err)
	}
	names := make([]string, len(f.Sections))
	for i, s := range f.Sections {
		if slices.Contains(names[:i], s.Name) {
			t.Fatalf("%s: conn %q is there twice", file, s.Name)
		}
		names[i] = s.Name
	}
	reading, err := Read(t.Context(), west, string(text), names)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Sections {
		n.compareSection(t, f, &f.Sections[i], locals, reading)
	}
}

// compareSection compares the conns of one section. Each explanation that it
// uses must be needed.
func (n *counts) compareSection(t *testing.T, f *conn.File, s *conn.Section, locals conn.Locals, reading Reading) {
	t.Helper()
	got := reading.Of(s.Name)
	if len(got) == 0 {
		n.refused++
	} else {
		n.loaded++
	}
	want := Predict(f, s, locals)
	if difference := Differ(want.Conns, got); difference != "" {
		t.Errorf("%s\texplained so far: %v\n\tpluto: %s\n\tconn: %s", difference, want.Explained, reading.About(s.Name), want.Problems)
		return
	}
	for _, name := range want.Explained {
		n.explained[name]++
		if Differ(Predict(f, s, locals, name).Conns, got) == "" {
			t.Errorf("conn %q: the explanation %s is not needed", s.Name, name)
		}
	}
}
