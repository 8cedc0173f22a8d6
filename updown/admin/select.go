package admin

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// leftovers are parts of the names of files that editors and package managers
// leave behind.
var leftovers = []string{"~", ".dpkg-", ".rpmsave", ".rpmorig", ".rpmnew"}

// hooks returns the files of the folder that are run, in lexical order. The
// others are given to skip with the reason.
func (h Hooks) hooks(skip func(name, why string)) (paths []string, err error) {
	info, err := os.Stat(h.Dir)
	if err != nil {
		return nil, fmt.Errorf("looking for hooks: %w", err)
	}
	if why := untrusted(info); why != "" {
		return nil, fmt.Errorf("no hook of %s is run: it is %s", h.Dir, why)
	}
	files, err := os.ReadDir(h.Dir)
	if err != nil {
		return nil, fmt.Errorf("looking for hooks: %w", err)
	}
	for _, f := range files {
		why := unwanted(f.Name())
		if why == "" {
			info, err := f.Info() // of a link, not of what it leads to
			if err != nil {
				why = err.Error()
			} else {
				why = notRun(info)
			}
		}
		if why != "" {
			skip(f.Name(), why)
			continue
		}
		paths = append(paths, filepath.Join(h.Dir, f.Name()))
	}
	return paths, nil
}

// unwanted returns why a file of that name is no hook, or "".
func unwanted(name string) string {
	if strings.HasPrefix(name, ".") {
		return "its name begins with a dot"
	}
	for _, part := range leftovers {
		if strings.HasSuffix(name, part) || strings.HasSuffix(part, "-") && strings.Contains(name, part) {
			return fmt.Sprintf("its name has %q, so it is a leftover", part)
		}
	}
	return ""
}

// notRun returns why a file is not run, or "".
func notRun(info fs.FileInfo) string {
	switch {
	case !info.Mode().IsRegular():
		return "not a regular file"
	case info.Mode().Perm()&0o111 == 0:
		return "not executable"
	}
	return untrusted(info)
}

// untrusted returns why somebody else could have changed a file, or "".
func untrusted(info fs.FileInfo) string {
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	switch {
	case owner != 0 && owner != os.Geteuid():
		return fmt.Sprintf("owned by user %d", owner)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Sprintf("writable by others (mode %04o)", info.Mode().Perm())
	}
	return ""
}
