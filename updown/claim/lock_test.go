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
	unlock, err := Open(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		unlock, err := Open(dir).Lock()
		if err == nil {
			unlock()
		}
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("a second holder got the lock (%v)", err)
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
}

// TestLockGivesUp names the process that does not let the lock go.
func TestLockGivesUp(t *testing.T) {
	dir := t.TempDir()
	locked(t, dir)
	lock := filepath.Join(dir, "lock")
	second := Open(dir)
	second.patience = 20 * time.Millisecond
	for _, test := range []struct{ content, holder string }{
		{"as it is", fmt.Sprintf("process %d", os.Getpid())},
		{"", "another process"}, // one that was not able to leave its number
	} {
		if test.content == "" {
			if err := os.Truncate(lock, 0); err != nil {
				t.Fatal(err)
			}
		}
		unlock, err := second.Lock()
		if err == nil {
			unlock()
			t.Fatal("a second holder got the lock")
		}
		want := fmt.Sprintf("locking %s: %s has held it for 20ms: resource temporarily unavailable", lock, test.holder)
		if err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

// TestLockOutlastsOthers waits for as long as others have the lock one after the
// other, however many they are.
func TestLockOutlastsOthers(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Open(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	waiting := Open(dir)
	waiting.patience = 500 * time.Millisecond
	result := make(chan error)
	go func() {
		unlock, err := waiting.Lock()
		if err == nil {
			unlock()
		}
		result <- err
	}()
	turn, number := time.NewTicker(10*time.Millisecond), 1
	defer turn.Stop()
	for end := time.Now().Add(3 * waiting.patience); time.Now().Before(end); number++ {
		if err := os.WriteFile(filepath.Join(dir, "lock"), fmt.Append(nil, number), 0o600); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-result:
			t.Fatalf("gave up before its turn (%v)", err)
		case <-turn.C:
		}
	}
	unlock()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}
