package watch

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// mountsFile tells by poll(2) when something is mounted or unmounted, which
// inotify(7) does not: a directory of the configuration may go and come that way.
const mountsFile = "/proc/self/mountinfo"

// mounts waits for changes of what is mounted.
type mounts struct {
	fd   int
	stop [2]int // a pipe
}

func openMounts() (m mounts, err error) {
	if m.fd, err = unix.Open(mountsFile, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return m, fmt.Errorf("opening %s: %w", mountsFile, err)
	}
	if err := unix.Pipe2(m.stop[:], unix.O_CLOEXEC); err != nil {
		unix.Close(m.fd)
		return m, fmt.Errorf("making a pipe: %w", err)
	}
	return m, nil
}

// end makes wait return false from now on.
func (m mounts) end() { unix.Close(m.stop[1]) }

// wait waits for a change, and reports whether there will be more. After the last
// call nothing is open any more.
func (m mounts) wait() bool {
	for {
		polled := []unix.PollFd{{Fd: int32(m.fd), Events: unix.POLLPRI}, {Fd: int32(m.stop[0])}}
		_, err := unix.Poll(polled, -1)
		switch {
		case err == unix.EINTR:
		case err != nil || polled[1].Revents != 0:
			unix.Close(m.fd)
			unix.Close(m.stop[0])
			return false
		default:
			return true
		}
	}
}

// standing is what a directory was when it was looked at.
type standing struct {
	name       string
	dev, inode uint64 // 0 for none
}

// standings looks at directories.
func standings(dirs []string) []standing {
	var all []standing
	for _, dir := range dirs {
		s := standing{name: dir}
		var st unix.Stat_t
		if unix.Stat(dir, &st) == nil {
			s.dev, s.inode = st.Dev, st.Ino
		}
		all = append(all, s)
	}
	return all
}

func (w *Watcher) readMounts() {
	for w.mounts.wait() {
		w.mu.Lock()
		dirs := w.places.Dirs
		was := w.stood
		w.mu.Unlock()
		if !slices.Equal(was, standings(dirs)) {
			w.tell(Conf)
		}
	}
}
