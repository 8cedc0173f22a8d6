package resolver

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/updown/dns"
	"golang.org/x/sys/unix"
)

// stubs are the files that systemd-resolved offers as resolv.conf; see
// systemd-resolved.service(8). What others write there is lost.
var stubs = []string{"/run/systemd/resolve/", "/usr/lib/systemd/resolv.conf", "/lib/systemd/resolv.conf"}

// isStub reports whether resolv.conf is a link to a file of systemd-resolved,
// which need not exist yet.
func isStub(path string) (bool, error) {
	for range 40 { // as many as the kernel follows
		target, err := os.Readlink(path)
		if err != nil {
			return false, nil // no link; or nothing, which the caller will find
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = filepath.Clean(target)
		for _, stub := range stubs {
			if path == stub || strings.HasSuffix(stub, "/") && strings.HasPrefix(path, stub) {
				return true, nil
			}
		}
	}
	return false, fmt.Errorf("%s: %w", path, unix.ELOOP)
}

// errRewritten means that somebody else wrote the file at the same time.
var errRewritten = errors.New("somebody else writes it all the time")

// edit makes what is added to resolv.conf these servers and domains. A link is
// followed, so it stays one: of a file that a program such as resolvconf(8)
// generates, what is added lasts until that program writes it again.
func edit(path string, servers []netip.Addr, search []dns.Domain) (changed bool, err error) {
	const tries = 10
	for range tries {
		changed, err = editOnce(path, servers, search)
		if !errors.Is(err, errRewritten) {
			break
		}
	}
	if err != nil {
		return false, fmt.Errorf("changing the name servers in %s: %w", path, err)
	}
	return changed, nil
}

func editOnce(path string, servers []netip.Addr, search []dns.Domain) (changed bool, err error) {
	file, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && len(servers) == 0 {
		return false, nil
	}
	if err != nil {
		// It is not made: without it the C library asks a server on this host.
		return false, err
	}
	before, err := os.Stat(file)
	if err == nil && !before.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", file)
	}
	if err != nil {
		return false, err
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	text := dns.Edit(string(old), servers, search)
	if text == string(old) {
		return false, nil
	}
	if stub, err := isStub(path); stub || err != nil {
		return false, errors.Join(err, errors.New("it belongs to systemd-resolved by now"))
	}
	err = replace(file, before, text)
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EROFS) {
		// The file is mounted where it is, as in containers.
		err = overwrite(file, text, len(old))
	}
	return err == nil, err
}

// replace puts a new file in the place of the one that before describes, as one
// that has the same owner, mode and attributes.
func replace(file string, before os.FileInfo, text string) error {
	dir, base := filepath.Split(file)
	prefix := filepath.Join(dir, "."+base+".ipsecif-")
	removeLeftovers(prefix)
	f, err := os.OpenFile(prefix+strconv.Itoa(os.Getpid()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // what was renamed is not there any more
	_, err = f.WriteString(text)
	err = errors.Join(err, copyOwner(file, before, f), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	now, err := os.Stat(file)
	if err != nil {
		return err
	}
	if !os.SameFile(before, now) || before.Size() != now.Size() || !before.ModTime().Equal(now.ModTime()) {
		return errRewritten
	}
	return os.Rename(f.Name(), file)
}

// removeLeftovers takes away what processes left behind that were killed while
// they wrote.
func removeLeftovers(prefix string) {
	left, _ := filepath.Glob(prefix + "*") // only a wrong pattern is an error
	for _, path := range left {
		pid, err := strconv.Atoi(strings.TrimPrefix(path, prefix))
		if err == nil && (pid == os.Getpid() || errors.Is(unix.Kill(pid, 0), unix.ESRCH)) {
			_ = os.Remove(path) // if that fails, so will making the new file
		}
	}
}

// label is the attribute that SELinux looks at.
const label = "security.selinux"

// copyOwner gives f the owner, the mode and the SELinux label of file.
func copyOwner(file string, info os.FileInfo, f *os.File) error {
	var s unix.Stat_t
	if err := unix.Stat(file, &s); err != nil {
		return err
	}
	if err := errors.Join(f.Chown(int(s.Uid), int(s.Gid)), f.Chmod(info.Mode())); err != nil {
		return err
	}
	value := make([]byte, 64<<10) // the most that the kernel has
	n, err := unix.Getxattr(file, label, value)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENODATA) {
		return nil
	}
	if err == nil {
		err = unix.Fsetxattr(int(f.Fd()), label, value[:n], 0)
	}
	if err != nil {
		return fmt.Errorf("copying the SELinux label of %s: %w", file, err)
	}
	return nil
}

// overwrite writes into the file, which has length bytes. One call of the kernel
// writes it all, and if that is less than before, blank lines to the end: so
// whoever reads it then, or after a crash, finds the whole text.
func overwrite(file, text string, length int) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text+strings.Repeat("\n", max(0, length-len(text)))), 0)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	return errors.Join(err, f.Close())
}
