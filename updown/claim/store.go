// Package claim keeps what is up on disk: one file for each claim, and what
// has to be restored when the claims are gone. The directory lives under /run,
// so that a reboot forgets the claims together with the kernel's state.
package claim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/updown/plan"
	"golang.org/x/sys/unix"
)

// Store is a directory of claims. Changes need the lock.
type Store struct {
	dir string
}

// Open returns the store in a directory, which Lock makes when it is missing.
func Open(dir string) *Store { return &Store{dir} }

// Lock waits until no other process holds the store and returns the function
// that lets it go. The lock dies with the process.
func (s *Store) Lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.claims(), 0o755); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	s.sweep()
	return func() { f.Close() }, nil
}

// newFile is the pattern of files that are being written.
const newFile = ".new-*"

// sweep removes what writes that were cut short have left. A file that cannot
// be removed does no harm.
func (s *Store) sweep() {
	for _, dir := range []string{s.dir, s.claims()} {
		left, _ := filepath.Glob(filepath.Join(dir, newFile))
		for _, f := range left {
			_ = os.Remove(f)
		}
	}
}

func (s *Store) claims() string { return filepath.Join(s.dir, "claims") }

// path returns the file of a claim. A conn's name may hold any character, so
// it is escaped and cannot leave the directory.
func (s *Store) path(name string) string {
	return filepath.Join(s.claims(), url.PathEscape(name)+".json")
}

// All returns the claims by name, and the settings to be restored.
func (s *Store) All() ([]plan.Claim, []plan.Saved, error) {
	files, err := os.ReadDir(s.claims())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("reading the claims: %w", err)
	}
	var claims []plan.Claim
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue // a write that is going on or was cut short
		}
		var c plan.Claim
		err := readJSON(filepath.Join(s.claims(), f.Name()), &c)
		if errors.Is(err, fs.ErrNotExist) {
			continue // given up since the directory was read
		}
		if err != nil {
			return nil, nil, err
		}
		claims = append(claims, c)
	}
	slices.SortFunc(claims, func(a, b plan.Claim) int { return strings.Compare(a.Name, b.Name) })
	var saved []plan.Saved
	if err := readJSON(s.saved(), &saved); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	return claims, saved, nil
}

// Put writes a claim, in place of the one with its name.
func (s *Store) Put(c plan.Claim) error { return writeJSON(s.path(c.Name), c) }

// Remove deletes a claim. A claim that does not exist is no error.
func (s *Store) Remove(name string) error {
	err := os.Remove(s.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the claim of conn %q: %w", name, err)
	}
	return nil
}

func (s *Store) saved() string { return filepath.Join(s.dir, "saved.json") }

// Save records the settings to be restored; none deletes the record.
func (s *Store) Save(saved []plan.Saved) error {
	if len(saved) > 0 {
		return writeJSON(s.saved(), saved)
	}
	err := os.Remove(s.saved())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the saved settings: %w", err)
	}
	return nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s is damaged (%w); remove it and run `ipsecif up` or `ipsecif down` again", path, err)
	}
	return nil
}

// writeJSON replaces a file at once, so that a crash leaves the old or the new
// one.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), newFile)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) // fails after the rename, as it should
	_, err = tmp.Write(append(b, '\n'))
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
