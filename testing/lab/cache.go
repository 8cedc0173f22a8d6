package lab

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// CacheDir is the folder that keeps the root filesystem and the kernel between runs: $IPSECIF_LAB_CACHE, else
// $XDG_CACHE_HOME/ipsecif-lab, else ~/.cache/ipsecif-lab.
func CacheDir() (string, error) {
	dir := os.Getenv("IPSECIF_LAB_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("finding the cache folder (set IPSECIF_LAB_CACHE): %w", err)
		}
		dir = filepath.Join(user, "ipsecif-lab")
	}
	// The path becomes part of a kernel command line and of mount options.
	if strings.ContainsAny(dir, " \t\n:,\\") {
		return "", fmt.Errorf("the cache folder %q: blanks, colons, commas and backslashes cannot be used; set IPSECIF_LAB_CACHE", dir)
	}
	return filepath.Abs(dir)
}

// cached returns the path in the cache of something made by a recipe; another recipe gives another path.
func cached(name string, recipe ...string) (string, error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(recipe, "\x00")))
	return filepath.Join(dir, fmt.Sprintf("%s-%x", name, sum[:6])), nil
}

// makeOnce makes path once: build gets a fresh scratch folder beside it and returns what is to be renamed to path. Two callers at once
// end with one build; a killed build leaves only scratch, which the next one removes.
func makeOnce(path string, build func(scratch string) (string, error)) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		fmt.Fprintf(os.Stderr, "lab: waiting for another prepare that makes %s\n", path)
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
			return fmt.Errorf("locking %s: %w", lock.Name(), err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	scratch := path + ".tmp"
	if err := os.RemoveAll(scratch); err != nil {
		return err
	}
	if err := os.Mkdir(scratch, 0o755); err != nil {
		return err
	}
	made, err := build(scratch)
	if err == nil {
		err = os.Rename(made, path)
	}
	return errors.Join(err, os.RemoveAll(scratch))
}
