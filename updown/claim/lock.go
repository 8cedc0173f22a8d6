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

// pause is the time between two attempts to get the lock, which a change holds
// for some milliseconds.
const pause = 5 * time.Millisecond

// Lock waits until no other process holds the store and returns the function
// that lets it go. The lock dies with the process. After ten seconds Lock gives
// up and names the process that holds it.
func (s *Store) Lock() (unlock func(), err error) {
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := s.wait(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// wait tries to get the lock until patience is over, and leaves the number of
// this process in it for others that do the same.
func (s *Store) wait(f *os.File) error {
	end := time.Now().Add(s.patience)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			_ = f.Truncate(0) // who cannot tell its number, as on a full disk, holds the lock all the same
			_, _ = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return err
		case time.Now().After(end):
			return fmt.Errorf("%s has held it for %v: %w", holder(f), s.patience, err)
		}
		time.Sleep(pause)
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
