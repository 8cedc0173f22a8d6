// Package arch_test keeps the rooms of the project apart: who may import whom,
// and what the pure packages must not touch.
package arch_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ipsecif/ipsecif/"

// room says what a package of the project may import: of the project's own
// packages those named in own, of others those named in foreign, and of the
// standard library everything but the packages named in not.
type room struct {
	own, foreign, not []string
}

// impure is what a pure package must not touch: files, processes, the network,
// the environment and the clock.
var impure = []string{"os", "os/exec", "net", "net/http", "syscall", "time", "log", "unsafe"}

var rooms = map[string]room{
	"conn":           {not: impure},
	"xfrmi":          {not: impure},
	"xfrmi/firewall": {not: impure},
	"routing":        {not: impure},
	"updown/plan":    {own: []string{"conn", "xfrmi", "xfrmi/firewall", "routing"}, not: impure},
	"updown/hook":    {own: []string{"conn"}, foreign: []string{"go4.org/netipx"}, not: impure},
	"updown/claim": {
		own: []string{"updown/plan", "updown/lock"}, foreign: []string{"golang.org/x/sys", "go.etcd.io/bbolt"}, not: []string{"net", "os/exec"},
	},
	"updown/conf": {own: []string{"conn", "updown/plan", "updown/lock"}, not: []string{"net", "os/exec"}},
	"updown/dns":  {not: impure},
	"updown/resolver": {
		own: []string{"updown/dns", "updown/lock"}, foreign: []string{"golang.org/x/sys"}, not: []string{"net"},
	},
	"updown/admin": {
		own: []string{"updown/lock"}, foreign: []string{"github.com/coreos/go-systemd/v22/journal", "golang.org/x/sys"}, not: []string{"net"},
	},
	"updown/metrics":        {own: []string{"updown", "updown/hook", "updown/plan"}, not: impure},
	"updown/networkmanager": {own: []string{"systemd/bus"}, not: impure},
	"updown/lock":           {foreign: []string{"golang.org/x/sys"}, not: []string{"net", "os/exec"}},
	"updown/kernel": {
		own:     []string{"updown/plan", "xfrmi", "xfrmi/firewall", "routing", "conn"},
		foreign: []string{"github.com/google/nftables", "github.com/vishvananda/netlink", "github.com/vishvananda/netns", "golang.org/x/sys"},
		not:     []string{"os/exec"},
	},
	"updown/watch": {own: []string{"updown/conf", "updown/kernel"}, foreign: []string{"github.com/fsnotify/fsnotify", "golang.org/x/sys"}, not: []string{"os", "os/exec", "net"}},
	"updown/daemon": {
		own: []string{"updown", "updown/plan", "updown/conf", "updown/watch", "conn", "routing", "xfrmi"}, foreign: []string{"golang.org/x/sys"},
		not: []string{"os/exec", "net"},
	},
	"systemd/bus": {foreign: []string{"github.com/godbus/dbus/v5"}, not: []string{"os", "os/exec", "net"}},
	"systemd/networkd": {
		own: []string{"updown/plan", "routing", "xfrmi", "systemd/bus"}, foreign: []string{"github.com/godbus/dbus/v5"}, not: []string{"os/exec", "net"},
	},
	"systemd/notify":   {own: []string{"updown/daemon"}, foreign: []string{"github.com/coreos/go-systemd/v22"}, not: []string{"os/exec"}},
	"systemd/resolved": {own: []string{"systemd/bus", "updown/dns"}, foreign: []string{"github.com/godbus/dbus/v5", "golang.org/x/sys"}, not: []string{"os", "os/exec"}},
	"systemd/service":  {own: []string{"systemd/bus", "updown", "updown/daemon", "updown/hook"}, foreign: []string{"github.com/godbus/dbus/v5"}, not: []string{"os", "os/exec"}},
	"updown": {
		own: []string{"updown/plan", "updown/claim", "updown/hook", "updown/lock", "conn", "routing", "xfrmi", "xfrmi/firewall"}, foreign: []string{"golang.org/x/sys"},
		not: []string{"os", "os/exec", "net", "flag", "time"},
	},
	"cmd/ipsecif": {
		own: []string{
			"updown", "updown/plan", "updown/claim", "updown/conf", "updown/hook", "updown/kernel", "updown/dns", "updown/resolver",
			"updown/networkmanager", "updown/admin", "updown/daemon", "updown/watch", "updown/lock", "systemd/resolved", "systemd/bus", "systemd/notify", "systemd/service",
			"updown/metrics", "systemd/networkd", "conn",
		},
		foreign: []string{"github.com/spf13/cobra"},
		not:     []string{"os/exec"},
	},
}

// free are packages that may import everything, and that no product package
// imports.
const free = "testing/"

type goPackage struct {
	ImportPath string
	Imports    []string
	Dir        string
	GoFiles    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Dir,GoFiles", module+"...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pkgs []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func TestImports(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(name, free) {
			continue
		}
		r, ok := rooms[name]
		if !ok {
			t.Errorf("%s is no room of the project: add it to the table with what it may import", name)
			continue
		}
		seen++
		for _, imported := range p.Imports {
			if why := r.refuses(imported); why != "" {
				t.Errorf("%s imports %s: %s", name, imported, why)
			}
		}
	}
	if seen != len(rooms) {
		t.Errorf("%d of %d rooms exist", seen, len(rooms))
	}
}

func (r room) refuses(imported string) string {
	if own, ok := strings.CutPrefix(imported, module); ok {
		if !slices.Contains(r.own, own) {
			return "not one of the rooms that it may import"
		}
		return ""
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		if !slices.ContainsFunc(r.foreign, func(f string) bool { return imported == f || strings.HasPrefix(imported, f+"/") }) {
			return "a library that belongs elsewhere"
		}
		return ""
	}
	if slices.Contains(r.not, imported) {
		return "it must not touch that"
	}
	return ""
}

// TestSizes keeps files small enough to have one concept each.
func TestSizes(t *testing.T) {
	const lines = 400
	for _, p := range packages(t) {
		for _, file := range p.GoFiles {
			path := filepath.Join(p.Dir, file)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(data), "\n"); n > lines {
				t.Errorf("%s has %d lines, more than %d", path, n, lines)
			}
		}
	}
}
