package conf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Host opens the files of the host.
type Host struct{}

// Open opens a file.
func (Host) Open(name string) (fs.File, error) { return os.Open(name) }

// Stat says what a name stands for.
func (Host) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// ReadDir lists a directory.
func (Host) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// program is the running program, whatever its name stands for meanwhile. What
// it kept is of no use to a later version of it.
const program = "/proc/self/exe"

// stamp is what a name stood for when it was looked at. Equal stamps mean equal
// contents: the kernel sets the time of the change even where somebody sets the
// time of the modification back.
type stamp struct {
	Name   string
	Listed bool          `json:",omitempty"` // a directory of which the entries count, not only that it is one
	Errno  syscall.Errno `json:",omitempty"` // nothing was found, and why
	Mode   fs.FileMode   `json:",omitempty"` // of what counts no more than its type, that alone
	Dev    uint64        `json:",omitempty"`
	Inode  uint64        `json:",omitempty"`
	Size   int64         `json:",omitempty"`
	// Modified and Changed are in nanoseconds since 1970.
	Modified int64 `json:",omitempty"`
	Changed  int64 `json:",omitempty"`
}

func stampOf(name string, listed bool, info fs.FileInfo, err error) stamp {
	s := stamp{Name: name, Listed: listed}
	if err != nil {
		if !errors.As(err, &s.Errno) {
			s.Errno = syscall.EIO
		}
		return s
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.IsDir() && !listed { // its names are looked at one by one
		s.Mode = info.Mode().Type()
		return s
	}
	s.Mode, s.Dev, s.Inode, s.Size = info.Mode(), st.Dev, st.Ino, st.Size
	s.Modified, s.Changed = st.Mtim.Nano(), st.Ctim.Nano()
	return s
}

// holds reports whether the name still stands for the same.
func (s stamp) holds() bool {
	info, err := os.Stat(s.Name)
	return stampOf(s.Name, s.Listed, info, err) == s
}

// isSettled reports whether a later change cannot leave the stamp as it is. The
// clock of a file system may stand still for some time, and a relative name
// stands for something else elsewhere.
func (s stamp) isSettled(after time.Time) bool {
	return filepath.IsAbs(s.Name) && max(s.Modified, s.Changed) < after.UnixNano()
}

// witness opens the files of the host and notes what it was asked for. The first
// answer counts: a file that changes while it is read has another stamp then.
type witness struct {
	Host
	stamps []stamp
	seen   map[stamp]bool // by Name and Listed
}

func (w *witness) note(name string, listed bool, info fs.FileInfo, err error) {
	if key := (stamp{Name: name, Listed: listed}); !w.seen[key] {
		w.seen[key] = true
		w.stamps = append(w.stamps, stampOf(name, listed, info, err))
	}
}

func (w *witness) Stat(name string) (fs.FileInfo, error) {
	info, err := w.Host.Stat(name)
	w.note(name, false, info, err)
	return info, err
}

func (w *witness) Open(name string) (fs.File, error) {
	_, _ = w.Stat(name) // the error is that of Open too
	return w.Host.Open(name)
}

func (w *witness) ReadDir(name string) ([]fs.DirEntry, error) {
	info, err := w.Host.Stat(name)
	w.note(name, true, info, err)
	return w.Host.ReadDir(name)
}

// areSettled reports whether all that was looked at can be known again.
func (w *witness) areSettled(after time.Time) bool {
	return !slices.ContainsFunc(w.stamps, func(s stamp) bool { return !s.isSettled(after) || s.Name == program && s.Errno != 0 })
}
