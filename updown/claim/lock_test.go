package claim

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLockExcludes(t *testing.T) {
	dir := t.TempDir()
	lock, err := Open(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		lock, err := Open(dir).Lock()
		if err == nil {
			lock.Release()
		}
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("a second holder got the lock (%v)", err)
	case <-time.After(50 * time.Millisecond):
	}
	lock.Release()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
}

// TestLockGivesUp names the process that does not let the lock go.
func TestLockGivesUp(t *testing.T) {
	dir := t.TempDir()
	locked(t, dir)
	path := filepath.Join(dir, "lock")
	second := Open(dir)
	second.patience = 20 * time.Millisecond
	for _, test := range []struct{ content, holder string }{
		{"as it is", fmt.Sprintf("process %d", os.Getpid())},
		{"", "another process"}, // one that was not able to leave its number
	} {
		if test.content == "" {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}
		lock, err := second.Lock()
		if err == nil {
			lock.Release()
			t.Fatal("a second holder got the path")
		}
		want := fmt.Sprintf("locking %s: %s has held it for 20ms: resource temporarily unavailable", path, test.holder)
		if err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

// TestLockOutlastsOthers waits for as long as others have the lock one after the
// other, however many they are.
func TestLockOutlastsOthers(t *testing.T) {
	dir := t.TempDir()
	lock, err := Open(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	waiting := Open(dir)
	waiting.patience = 500 * time.Millisecond
	result := make(chan error)
	go func() {
		lock, err := waiting.Lock()
		if err == nil {
			lock.Release()
		}
		result <- err
	}()
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	turn, number := time.NewTicker(10*time.Millisecond), 1
	defer turn.Stop()
	for end := time.Now().Add(3 * waiting.patience); time.Now().Before(end); number++ {
		if _, err := file.WriteAt(fmt.Appendf(nil, "%-40d", number), 0); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-result:
			t.Fatalf("gave up before its turn (%v)", err)
		case <-turn.C:
		}
	}
	lock.Release()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}
