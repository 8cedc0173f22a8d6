package conf

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Trail opens the files of the host and remembers all names that a configuration
// depends on: those that were opened or looked for, and directories that were
// listed. The zero value is ready for use.
type Trail struct {
	Host
	names, lists map[string]bool
}

// Open opens a file.
func (t *Trail) Open(name string) (fs.File, error) {
	t.note(&t.names, name)
	return t.Host.Open(name)
}

// Stat says what a name stands for.
func (t *Trail) Stat(name string) (fs.FileInfo, error) {
	t.note(&t.names, name)
	return t.Host.Stat(name)
}

// ReadDir lists a directory.
func (t *Trail) ReadDir(name string) ([]fs.DirEntry, error) {
	t.note(&t.lists, name)
	return t.Host.ReadDir(name)
}

func (t *Trail) note(set *map[string]bool, name string) {
	if *set == nil {
		*set = map[string]bool{}
	}
	if abs, err := filepath.Abs(name); err == nil {
		(*set)[abs] = true
	}
}

// Places says where changes of the configuration show: Dirs are the directories
// that there are with what it depends on, and Concerns tells which names in them
// count.
type Places struct {
	Dirs         []string
	names, lists map[string]bool
}

// Places returns the places of what was read. A name that leads through symbolic
// links depends on each of them, and one that is missing on the directory in
// which it, or what leads to it, may appear.
func (t *Trail) Places() Places {
	p := Places{names: map[string]bool{}, lists: map[string]bool{}}
	dirs := map[string]bool{}
	for name := range t.names {
		p.follow(name, dirs)
	}
	for name := range t.lists {
		end := p.follow(name, dirs)
		p.lists[name], p.lists[end] = true, true
		dirs[existing(end)] = true
	}
	p.Dirs = slices.Sorted(maps.Keys(dirs))
	return p
}

// mostLinks is how many symbolic links a name may lead through (MAXSYMLINKS).
const mostLinks = 40

// follow notes a name, every symbolic link on the way to what it stands for, and
// the directories of them all. It returns the name at the end of the way.
func (p *Places) follow(name string, dirs map[string]bool) string {
	for range mostLinks {
		p.names[name] = true
		dirs[existing(filepath.Dir(name))] = true
		at := string(filepath.Separator)
		next := ""
		for part := range strings.SplitSeq(strings.Trim(name, at), at) {
			at = filepath.Join(at, part)
			target, err := os.Readlink(at)
			if err != nil {
				continue
			}
			p.names[at] = true
			dirs[filepath.Dir(at)] = true
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(at), target)
			}
			next = target + strings.TrimPrefix(name, at)
			break
		}
		if next == "" {
			return name
		}
		name = filepath.Clean(next)
	}
	return name
}

// existing returns the nearest directory above a name that there is, or itself.
func existing(name string) string {
	for ; name != filepath.Dir(name); name = filepath.Dir(name) {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return name
		}
	}
	return name
}

// Concerns reports whether a change of what a name stands for may change the
// configuration.
func (p Places) Concerns(name string) bool {
	if p.names[name] || p.lists[name] || p.lists[filepath.Dir(name)] {
		return true
	}
	under := strings.TrimSuffix(name, string(filepath.Separator)) + string(filepath.Separator)
	for _, set := range []map[string]bool{p.names, p.lists} {
		for one := range set {
			if strings.HasPrefix(one, under) {
				return true
			}
		}
	}
	return false
}
