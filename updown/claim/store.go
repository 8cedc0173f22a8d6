// Package claim keeps what is up on disk: one file for each claim, and what
// has to be restored when the claims are gone. The directory lives under /run,
// so that a reboot forgets the claims together with the kernel's state.
package claim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/updown/plan"
)

// Store is a directory of claims. Changes need the lock.
type Store struct {
	dir      string
	patience time.Duration // how long Lock tries
}

// Open returns the store in a directory, which Lock makes when it is missing.
func Open(dir string) *Store { return &Store{dir, 10 * time.Second} }

// newFile is the pattern of files that are being written. No claim's file
// begins like that.
const newFile = ".new-*"

func (s *Store) claims() string { return filepath.Join(s.dir, "claims") }

// path returns the file of a claim.
func (s *Store) path(name string) string { return filepath.Join(s.claims(), fileName(name)) }

// All returns the claims by name, and the settings to be restored. The error
// names every damaged file.
func (s *Store) All() ([]plan.Claim, []plan.Saved, error) {
	files, err := os.ReadDir(s.claims())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("reading the claims: %w", err)
	}
	var claims []plan.Claim
	var errs []error
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") || !strings.HasSuffix(f.Name(), suffix) {
			continue // a write that is going on or was cut short
		}
		c, err := s.read(f.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist): // given up since the directory was read
		case err != nil:
			errs = append(errs, err)
		default:
			claims = append(claims, c)
		}
	}
	slices.SortFunc(claims, func(a, b plan.Claim) int { return strings.Compare(a.Name, b.Name) })
	var saved []plan.Saved
	var unread *fs.PathError
	err = readJSON(s.saved(), &saved)
	if err != nil && !errors.As(err, &unread) {
		err = fmt.Errorf("%s is damaged: %w; remove it, then the settings of the host that it has stay as they are now", s.saved(), err)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return claims, saved, errors.Join(errs...)
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

// readJSON returns a *fs.PathError when the file cannot be read.
func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
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
