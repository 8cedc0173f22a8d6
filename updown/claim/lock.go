package claim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Lock waits until no other process holds the store and returns the function
// that lets it go. The lock dies with the process. When one process holds it for
// more than ten seconds Lock gives up and names it; any number of others that
// have it in between are waited for.
func (s *Store) Lock() (unlock func(), err error) {
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := s.wait(f); err != nil {
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// wait gets the lock in the order in which the kernel gives it to those who
// wait, and leaves the number of this process in it for others that do the same.
// Without the lock it closes the file.
func (s *Store) wait(f *os.File) error {
	locked := make(chan error)
	given := make(chan struct{}) // up
	go func() {
		err := flock(f)
		select {
		case locked <- err:
		case <-given:
			f.Close() // who does not want the lock any more lets it go
		}
	}()
	for last := holder(f); ; {
		select {
		case err := <-locked:
			if err != nil {
				f.Close()
				return err
			}
			_ = f.Truncate(0) // who cannot tell its number, as on a full disk, holds the lock all the same
			_, _ = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
			return nil
		case <-time.After(s.patience):
		}
		now := holder(f)
		if now == last {
			close(given)
			return fmt.Errorf("%s has held it for %v: %w", now, s.patience, unix.EWOULDBLOCK)
		}
		last = now
	}
}

// flock waits for the lock on a file, whatever signals come.
func flock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// holder names the process that holds the lock, if it has left its number yet.
func holder(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0) // io.EOF, always
	if n > 0 {
		return "process " + string(b[:n])
	}
	return "another process"
}
