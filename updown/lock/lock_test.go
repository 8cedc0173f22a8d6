package lock

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNotInherited starts a process while the lock is held, which outlives the
// holder and must not hold it.
func TestNotInherited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := Take(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(path, 0); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Fatalf("a second holder got error %v, want EWOULDBLOCK", err)
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	lock.Release()
	lock, err = Take(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
}
