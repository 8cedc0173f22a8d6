package networkd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Directory is the path of one that systemd-networkd reads, such as Dir.
type Directory string

// Ours returns the texts of the files that ipsecif has made, by name.
func (d Directory) Ours() (map[string]string, error) {
	ours := map[string]string{}
	for _, pattern := range []string{prefix + "*.netdev", prefix + "*.network", "*.network.d/" + prefix + "*.conf"} {
		paths, err := filepath.Glob(filepath.Join(string(d), pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			name, err := filepath.Rel(string(d), path)
			if err != nil {
				return nil, err
			}
			text, is, err := d.read(name)
			if err != nil {
				return nil, err
			}
			if is {
				ours[name] = text
			}
		}
	}
	return ours, nil
}

// read returns the text of a file and whether it is ours. One that is not there,
// and what is no plain file, is not.
func (d Directory) read(name string) (text string, ours bool, err error) {
	path := filepath.Join(string(d), name)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	data, err := os.ReadFile(path)
	return string(data), err == nil && len(Sources(string(data))) > 0, err
}

// Change is what becomes of files: their texts, "" for those that go.
type Change map[string]string

// check returns an error for each file of somebody else that is in the way.
func (d Directory) check(c Change) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c)) {
		path := filepath.Join(string(d), name)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if _, ours, err := d.read(name); err != nil {
			errs = append(errs, err)
		} else if !ours {
			errs = append(errs, fmt.Errorf("%s exists, and does not begin as the files of ipsecif do; rename or delete it", path))
		}
	}
	return errors.Join(errs...)
}

// Apply changes files, each in one step, and returns the change that undoes
// that. After an error all files are as they were, except when the error says
// otherwise. No file of somebody else is touched.
func (d Directory) Apply(c Change) (undo Change, err error) {
	if err := d.check(c); err != nil {
		return nil, err
	}
	undo = Change{}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		was, _, err := d.read(name)
		if err == nil {
			undo[name] = was
			err = d.put(name, c[name])
		}
		if err != nil {
			return nil, errors.Join(err, d.revert(undo))
		}
	}
	return undo, nil
}

// revert puts all files back as far as possible.
func (d Directory) revert(undo Change) error {
	var errs []error
	for name, text := range undo {
		if err := d.put(name, text); err != nil {
			errs = append(errs, fmt.Errorf("undoing what was done until then: %w", err))
		}
	}
	return errors.Join(errs...)
}

// put gives a file its text, or deletes it. Directories of drop-ins come and go
// with their files.
func (d Directory) put(name, text string) error {
	path := filepath.Join(string(d), name)
	if text == "" {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if strings.Contains(name, "/") {
			_ = os.Remove(filepath.Dir(path)) // unless somebody has another file there
		}
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return replace(path, text)
}

// replace puts a file in the place of another, if any.
func replace(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".ipsecif-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
