// Package lock keeps processes from changing one thing at the same time.
package lock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long a process waits for another one that does a change,
// which takes it some milliseconds.
const Patience = 10 * time.Second

// Lock is the right to change something. It dies with the process and is not
// inherited by those that it starts.
type Lock struct {
	file     *os.File
	sign     string // that it leaves in the file: the number of the process and a random one
	patience time.Duration
}

// Take waits until no other process holds the lock that the file at path
// stands for, and makes the file where it is missing. When one process holds it
// for longer than the patience, Take gives up and names it; any number of others
// that have it in between are waited for. The error is unix.EWOULDBLOCK then.
// The caller must Release the lock.
func Take(path string, patience time.Duration) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	l := &Lock{f, fmt.Sprintf("%d %x", os.Getpid(), rand.Uint64()), patience}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil { // without another thread, as mostly
		l.leaveSign()
		return l, nil
	}
	if _, err := l.wait(); err != nil {
		return nil, err
	}
	return l, nil
}

// Release lets the lock go.
func (l *Lock) Release() { l.file.Close() }

// Yield lets the lock go, does something without it, and waits for it again
// behind all others that wait for it. It reports whether nobody else had it
// meanwhile. With an error the lock is lost.
func (l *Lock) Yield(meanwhile func()) (alone bool, err error) {
	if err := unix.Flock(int(l.file.Fd()), unix.LOCK_UN); err != nil {
		return false, fmt.Errorf("unlocking %s: %w", l.file.Name(), err)
	}
	meanwhile()
	before, err := l.wait()
	return before == l.sign, err
}

// IsHeld reports whether a process holds the lock that the file at path stands
// for.
func IsHeld(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// wait gets the lock in the order in which the kernel gives it to those who
// wait, and leaves its sign in the file for others that do the same. It returns
// the sign of who had it before. Without the lock it closes the file.
func (l *Lock) wait() (before string, err error) {
	locked := make(chan error)
	given := make(chan struct{}) // up
	go func() {
		err := flock(l.file, l.patience > 0)
		select {
		case locked <- err:
		case <-given:
			l.file.Close() // who does not want the lock any more lets it go
		}
	}()
	var tooLong <-chan time.Time
	for last := holder(l.file); ; {
		if l.patience > 0 {
			tooLong = time.After(l.patience)
		}
		select {
		case err := <-locked:
			if err != nil {
				l.file.Close()
				return "", fmt.Errorf("locking %s: %w", l.file.Name(), err)
			}
			before := holder(l.file)
			l.leaveSign()
			return before, nil
		case <-tooLong:
		}
		now := holder(l.file)
		if now == last {
			close(given)
			return "", fmt.Errorf("locking %s: %s has held it for %v: %w", l.file.Name(), process(now), l.patience, unix.EWOULDBLOCK)
		}
		last = now
	}
}

// leaveSign says who has the lock. Who cannot, as on a full disk, has it all the
// same.
func (l *Lock) leaveSign() {
	n, err := l.file.WriteAt([]byte(l.sign), 0)
	if err != nil {
		n = 0
	}
	_ = l.file.Truncate(int64(n))
}

// flock gets the lock on a file, whatever signals come.
func flock(f *os.File, waits bool) error {
	how := unix.LOCK_EX
	if !waits {
		how |= unix.LOCK_NB
	}
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// holder returns the sign of who has or had the lock, "" if it has left none.
func holder(f *os.File) string {
	b := make([]byte, 64)
	n, _ := f.ReadAt(b, 0) // io.EOF, always
	return string(b[:n])
}

// process names the process that has left a sign.
func process(sign string) string {
	number, _, _ := strings.Cut(sign, " ")
	if number == "" {
		return "another process"
	}
	return "process " + number
}
