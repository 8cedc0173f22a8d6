package networkd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Setting is a boolean of networkd.conf(5), and where it was set.
type Setting struct {
	Yes   bool
	Where string // file:line, "" for the default
}

// Foreign says what systemd-networkd does with what it has not made: whether it
// deletes, when it configures an interface, the routes, rules and nexthops that no
// file of its has. Those of ipsecif are spared in either case, as routes without a
// device and rules have the protocol kernel, and those through a device of ipsecif
// are on one that networkd does not configure.
type Foreign struct {
	Routes, Rules, NextHops Setting
}

// Deletes reports whether it deletes any of them.
func (f Foreign) Deletes() bool { return f.Routes.Yes || f.Rules.Yes || f.NextHops.Yes }

// Advice says in a sentence what applies.
func (f Foreign) Advice() string {
	var kept, deleted []string
	for _, s := range f.named() {
		where := cmp.Or(s.Where, "the default")
		if text := fmt.Sprintf("%s (%s)", s.what, where); s.Yes {
			deleted = append(deleted, text)
		} else {
			kept = append(kept, text)
		}
	}
	switch {
	case len(deleted) == 0:
		return "systemd-networkd leaves alone what others make: " + strings.Join(kept, ", ")
	case len(kept) == 0:
		return "systemd-networkd deletes what others make, except with the protocol kernel or on interfaces that it does not manage: " + strings.Join(deleted, ", ")
	}
	return "systemd-networkd deletes what others make of " + strings.Join(deleted, ", ") + ", and leaves alone " + strings.Join(kept, ", ")
}

type namedSetting struct {
	what string
	*Setting
}

func (f *Foreign) named() []namedSetting {
	return []namedSetting{{"routes", &f.Routes}, {"rules", &f.Rules}, {"nexthops", &f.NextHops}}
}

// setting returns the one of a key of the section Network, nil for other keys.
func (f *Foreign) setting(key string) *Setting {
	switch key {
	case "ManageForeignRoutes":
		return &f.Routes
	case "ManageForeignRoutingPolicyRules":
		return &f.Rules
	case "ManageForeignNextHops":
		return &f.NextHops
	}
	return nil
}

// confDirs are where networkd.conf and its drop-ins are, the first of which has a
// file counts for its name.
var confDirs = []string{"etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd"}

const confName = "networkd.conf"

// ReadForeign reads the settings of a host with this root directory, as networkd
// reads them when it starts. A file that cannot be read is named by the error, and
// the others count.
func ReadForeign(root fs.FS) (Foreign, error) {
	f := Foreign{Setting{Yes: true}, Setting{Yes: true}, Setting{Yes: true}}
	names, err := confFiles(root)
	errs := []error{err}
	for _, name := range names {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.read("/"+name, string(text))
	}
	return f, errors.Join(errs...)
}

// confFiles returns the files that count, in the order in which they do: the main
// file first, and then the drop-ins by name, whatever directory they are in.
func confFiles(root fs.FS) ([]string, error) {
	var files []string
	for _, dir := range confDirs {
		if _, err := fs.Stat(root, path.Join(dir, confName)); err == nil {
			files = append(files, path.Join(dir, confName))
			break
		}
	}
	first := map[string]string{} // by name, the drop-in that counts
	var errs []error
	for _, dir := range confDirs {
		dir = path.Join(dir, confName+".d")
		entries, err := fs.ReadDir(root, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, e := range entries {
			if name := e.Name(); strings.HasSuffix(name, ".conf") && !strings.HasPrefix(name, ".") && first[name] == "" {
				first[name] = path.Join(dir, name)
			}
		}
	}
	names := make([]string, 0, len(first))
	for name := range first {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		files = append(files, first[name])
	}
	return files, errors.Join(errs...)
}

// read takes the settings of one file. What is no boolean counts as nothing, as
// for networkd.
func (f *Foreign) read(file, text string) {
	section, number := "", 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line[1 : len(line)-1]
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		s := f.setting(strings.TrimSpace(key))
		if yes, ok := boolean(strings.TrimSpace(value)); ok && s != nil && section == "Network" {
			*s = Setting{yes, fmt.Sprintf("%s:%d", file, number)}
		}
	}
}

// boolean reads the words of systemd.syntax(7).
func boolean(word string) (yes, ok bool) {
	switch strings.ToLower(word) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}
