// Package claim keeps what is up on disk: the claims, an index of what they
// want, and what has to be restored when they are gone. The file lives under
// /run, so that a reboot forgets the claims together with the kernel's state.
package claim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/ipsecif/ipsecif/updown/lock"
	"github.com/ipsecif/ipsecif/updown/plan"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// Store is a directory with the lock and the file of the claims. Changes need
// the lock.
type Store struct {
	dir      string
	patience time.Duration // how long Lock tries
}

// Open returns the store in a directory, which Lock makes when it is missing.
func Open(dir string) *Store { return &Store{dir, lock.Patience} }

// Lock waits until no other process holds the store, as lock.Take does. The
// caller must Release the lock.
func (s *Store) Lock() (*lock.Lock, error) {
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	return lock.Take(filepath.Join(s.dir, "lock"), s.patience)
}

// LockMany waits until no other process changes many claims, and says that this
// one does. The caller must Release the lock.
func (s *Store) LockMany() (*lock.Lock, error) {
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	return lock.Take(s.many(), s.patience)
}

// Underway reports whether a process is changing many claims. Those that are
// Unfinished are its own, perhaps, and not those of one that has died.
func (s *Store) Underway() bool { return lock.IsHeld(s.many()) }

// many is the file of the lock of those who change many claims.
func (s *Store) many() string { return filepath.Join(s.dir, "many") }

// path is the file of the claims.
func (s *Store) path() string { return filepath.Join(s.dir, "claims.db") }

// The buckets of the file.
var (
	claimsBucket = []byte("claims") // name -> claim as JSON
	indexBucket  = []byte("index")  // what a claim wants, NUL, its name -> nothing
	savedBucket  = []byte("saved")  // savedKey -> what of the host is to be restored, as JSON
	savedKey     = []byte("settings")
	begunBucket  = []byte("begun") // name of a claim of which a change has begun -> nothing
	wholeBucket  = []byte("whole") // there when no claim is lost
)

// Change is what becomes of the store. A crash leaves all of it or nothing; of
// thousands of claims, perhaps the first thousands.
type Change struct {
	Put    []plan.Claim // in place of those with the same names
	Remove []string     // names of claims; one that does not exist is no error
	Saved  []plan.Saved // all that is to be restored from now on
	Begin  []string     // names of claims that are Unfinished from now on
	End    []string     // names of claims that are not any more
	Whole  bool         // the store is Whole from now on
}

// atOnce is how many claims are written in one transaction, which needs memory
// for all of them.
const atOnce = 1000

// Change does a change.
func (s *Store) Change(c Change) error {
	for _, piece := range c.Pieces(atOnce) {
		if err := s.change(piece); err != nil {
			return err
		}
	}
	return nil
}

// Pieces cuts a change into several, of which each has at most n claims: those to
// be put come first, and all marks of changes that begin come with the first.
func (c Change) Pieces(n int) []Change {
	var pieces []Change
	for len(c.Put) > n {
		pieces = append(pieces, Change{Put: c.Put[:n], Begin: c.Begin, Saved: c.Saved})
		c.Put, c.Begin = c.Put[n:], nil
	}
	for len(c.Remove) > n || len(c.End) > n {
		remove, end := min(n, len(c.Remove)), min(n, len(c.End))
		pieces = append(pieces, Change{Put: c.Put, Begin: c.Begin, Remove: c.Remove[:remove], End: c.End[:end], Saved: c.Saved})
		c.Put, c.Begin, c.Remove, c.End = nil, nil, c.Remove[remove:], c.End[end:]
	}
	return append(pieces, c)
}

func (s *Store) change(c Change) error {
	return s.transact(true, func(t *Reader) error {
		if err := errors.Join(t.remove(c.Remove), t.put(c.Put), t.mark(c.Begin, c.End), t.save(c.Saved), t.complete(c.Whole)); err != nil {
			return fmt.Errorf("writing %s: %w", s.path(), err)
		}
		return nil
	})
}

// All returns the claims by name, and what is to be restored. The error
// names every damaged claim.
func (s *Store) All() (claims []plan.Claim, saved []plan.Saved, err error) {
	err = s.Read(func(r *Reader) error {
		claims, saved, err = r.all()
		return err
	})
	return claims, saved, err
}

// Read calls do with the store as it is at one time. Without a store there are
// no claims.
func (s *Store) Read(do func(*Reader) error) error { return s.transact(false, do) }

// fileTimeout bounds the wait for another process that reads or writes the
// file, which takes it some milliseconds.
const fileTimeout = 10 * time.Second

// fill is how full pages are left: most are written in order, at once.
const fill = 0.9

// transact opens the file for one transaction. It is never open for longer, so
// that those who only read are not kept waiting by a change of the kernel.
func (s *Store) transact(write bool, do func(*Reader) error) (err error) {
	// The library maps the file into memory and does not expect that somebody
	// else writes to it, or cuts it off.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var file *os.File
	defer func() {
		if fault := recover(); fault != nil {
			// The mapping stays, and would keep the library's lock.
			_ = unix.Flock(int(file.Fd()), unix.LOCK_UN)
			file.Close()
			err = s.damaged(fmt.Errorf("%v", fault))
		}
	}()
	if s.isEmpty() {
		if !write {
			return do(&Reader{})
		}
		if err := s.create(); err != nil {
			return err
		}
	}
	db, err := bbolt.Open(s.path(), 0o644, &bbolt.Options{
		Timeout: time.Nanosecond, ReadOnly: !write, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = openLocked(name, flag, mode, write)
			return file, err
		},
	})
	if err != nil {
		return s.damaged(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if write {
		return db.Update(func(tx *bbolt.Tx) error {
			for _, b := range [][]byte{claimsBucket, indexBucket, savedBucket, begunBucket} {
				bucket, err := tx.CreateBucketIfNotExists(b)
				if err != nil {
					return fmt.Errorf("writing %s: %w", s.path(), err)
				}
				bucket.FillPercent = fill
			}
			return do(&Reader{tx})
		})
	}
	return db.View(func(tx *bbolt.Tx) error { return do(&Reader{tx}) })
}

// openLocked opens the file and waits for the lock that the library takes on it,
// which itself looks for it every 50 ms only.
func openLocked(name string, flag int, mode os.FileMode, write bool) (*os.File, error) {
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_SH
	if write {
		how = unix.LOCK_EX
	}
	if unix.Flock(int(f.Fd()), how|unix.LOCK_NB) == nil { // without another thread, as mostly
		return f, nil
	}
	locked := make(chan struct{})
	go func() {
		for errors.Is(unix.Flock(int(f.Fd()), how), unix.EINTR) {
		}
		close(locked)
	}()
	select {
	case <-locked: // with an error the library has it, too
	case <-time.After(fileTimeout):
		// The file stays open for who waits; the library gives up at its first look.
	}
	return f, nil
}

// Missing reports whether there is no file of claims: nobody has ever claimed
// anything, or all claims are lost.
func (s *Store) Missing() bool {
	_, err := os.Stat(s.path())
	return errors.Is(err, fs.ErrNotExist)
}

// isEmpty reports whether nothing has been written yet.
func (s *Store) isEmpty() bool {
	info, err := os.Stat(s.path())
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
}

// create makes a file without claims, all of it or nothing: half a file would be
// a damaged one.
func (s *Store) create() error {
	part := s.path() + ".new"
	err := os.Remove(part)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	var db *bbolt.DB
	if err == nil {
		db, err = bbolt.Open(part, 0o644, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	}
	if err == nil {
		err = db.Close()
	}
	if err == nil {
		err = os.Rename(part, s.path())
	}
	if err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("making %s: %w", s.path(), err)
	}
	return nil
}

// damaged says what an unreadable file means and what to do about it.
func (s *Store) damaged(err error) error {
	var unread *fs.PathError
	if errors.As(err, &unread) || errors.Is(err, bbolterrors.ErrTimeout) {
		return fmt.Errorf("opening the claims in %s: %w", s.path(), err)
	}
	return fmt.Errorf("%s is damaged: %w; %s", s.path(), err, way)
}

// makeDir makes the directory of the store.
func (s *Store) makeDir() error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	return nil
}

// way is what to do about a file that is damaged.
const way = "remove the file and run `ipsecif up --all`: a conn without its claim may lose its protection with the next change"

func (r *Reader) decode(name string, b []byte) (plan.Claim, error) {
	var c plan.Claim
	err := json.Unmarshal(b, &c)
	if err == nil {
		err = check(c, name)
	}
	c.Unfinished = r.Begun(name)
	if err != nil {
		return c, fmt.Errorf("the claim of conn %q in %s is damaged: %w; %s", name, r.tx.DB().Path(), err, way)
	}
	return c, nil
}
