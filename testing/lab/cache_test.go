package lab

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// build makes a folder with one file, as makeOnce wants it.
func build(scratch string) (string, error) {
	made := filepath.Join(scratch, "made")
	return made, errors.Join(os.Mkdir(made, 0o755), os.WriteFile(filepath.Join(made, "file"), []byte("x"), 0o644))
}

func TestMakeOnceTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache", "thing")
	var builds atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := makeOnce(path, func(scratch string) (string, error) {
				builds.Add(1)
				return build(scratch)
			})
			if err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(path, "file")); err != nil {
				t.Errorf("made, but: %v", err)
			}
		})
	}
	all.Wait()
	if got := builds.Load(); got != 1 {
		t.Errorf("built %d times, want once", got)
	}
}

func TestMakeOnceFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "thing")
	broken := errors.New("no network")
	err := makeOnce(path, func(scratch string) (string, error) {
		made, err := build(scratch)
		return made, errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a failed build was put in place: %v", err)
	}
	if _, err := os.Stat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a failed build left its scratch folder: %v", err)
	}
	if err := makeOnce(path, build); err != nil {
		t.Errorf("after a failed build: %v", err)
	}
}

// A build that was killed leaves its scratch folder, maybe with files in it; the next one starts from nothing.
func TestMakeOnceAfterKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "thing")
	if err := os.MkdirAll(filepath.Join(path+".tmp", "made", "half"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := makeOnce(path, build); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "half")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("remains of the killed build are part of the new one: %v", err)
	}
}

func TestCacheDir(t *testing.T) {
	t.Setenv("IPSECIF_LAB_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/x")
	if got, err := CacheDir(); err != nil || got != "/x/ipsecif-lab" {
		t.Errorf("got %q, %v; want /x/ipsecif-lab", got, err)
	}
	t.Setenv("IPSECIF_LAB_CACHE", "/y")
	if got, err := CacheDir(); err != nil || got != "/y" {
		t.Errorf("got %q, %v; want /y", got, err)
	}
	t.Setenv("IPSECIF_LAB_CACHE", "/my cache")
	if got, err := CacheDir(); err == nil {
		t.Errorf("got %q, want an error: the kernel's command line cannot carry it", got)
	}
}

func TestCachedDependsOnRecipe(t *testing.T) {
	t.Setenv("IPSECIF_LAB_CACHE", "/c")
	seen := map[string]bool{}
	for _, recipe := range [][]string{{"a", "b"}, {"ab"}, {"a", "b", ""}, {"b", "a"}} {
		path, err := cached("root", recipe...)
		if err != nil {
			t.Fatal(err)
		}
		if seen[path] {
			t.Errorf("recipe %q shares the path %s with another", recipe, path)
		}
		seen[path] = true
	}
}
