package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// enter turns the calling process's root into an overlay over lower (which holds the pieces) with an upper layer in memory.
func enter(s *spec, lower string) error {
	memory := filepath.Join(lower, "mnt")
	if err := mountAt("tmpfs", memory, "tmpfs", 0, "mode=0755"); err != nil {
		return err
	}
	root := filepath.Join(memory, "root")
	for _, dir := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(memory, dir), 0o755); err != nil {
			return err
		}
	}
	if err := restoreDisk(s, lower, memory+"/upper"); err != nil {
		return err
	}
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, memory, memory)
	if err := mountAt("overlay", root, "overlay", 0, layers); err != nil {
		return err
	}
	if err := errors.Join(mountKernelFilesystems(s, root), attachPieces(s, lower, root)); err != nil {
		return err
	}
	if s.Disk != "" {
		if err := bindDir(memory+"/upper", root+upperDir); err != nil {
			return err
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root to %s: %w", root, err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detaching the old root: %w", err)
	}
	return unix.Chdir("/")
}

// mountAt mounts and makes the mount point where it is missing.
func mountAt(source, target, fstype string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", fstype, target, err)
	}
	return nil
}

func mountKernelFilesystems(s *spec, root string) error {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	errs := []error{
		mountAt("proc", root+"/proc", "proc", safe, ""),
		mountAt("sysfs", root+"/sys", "sysfs", safe, ""),
		mountAt("tmpfs", root+"/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"),
		mountAt("tmpfs", root+"/tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"),
	}
	if s.Mode == Native {
		errs = append(errs, bindDevices(root+"/dev"))
	} else {
		errs = append(errs, mountAt("devtmpfs", root+"/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755"))
	}
	errs = append(errs,
		mountAt("devpts", root+"/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"),
		mountAt("tmpfs", root+"/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"))
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(target, filepath.Join(root, "dev", name)); err != nil && !errors.Is(err, fs.ErrExist) {
			errs = append(errs, err)
		}
	}
	// These depend on the kernel, and in a user namespace on its permission.
	for _, m := range []struct{ fstype, dir string }{
		{"cgroup2", "/sys/fs/cgroup"}, {"debugfs", "/sys/kernel/debug"}, {"securityfs", "/sys/kernel/security"}, {"mqueue", "/dev/mqueue"},
	} {
		if _, err := os.Stat(root + m.dir); err != nil && m.fstype != "mqueue" {
			continue
		}
		err := mountAt(m.fstype, root+m.dir, m.fstype, safe, "")
		if err != nil && !errors.Is(err, unix.ENODEV) && !(s.Mode == Native && errors.Is(err, unix.EPERM)) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// bindDevices makes a /dev with the host's harmless devices.
func bindDevices(dev string) error {
	errs := []error{mountAt("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=0755"), os.MkdirAll(dev+"/net", 0o755)}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty", "net/tun"} {
		if _, err := os.Stat("/dev/" + name); err == nil {
			errs = append(errs, bindFile("/dev/"+name, filepath.Join(dev, name)))
		}
	}
	return errors.Join(append(errs, os.Symlink("pts/ptmx", dev+"/ptmx"))...)
}

// attachPieces gives the pieces below lower their places in root.
func attachPieces(s *spec, lower, root string) error {
	attach := func(piece, path string, readOnly bool) error {
		target := root + path
		if s.Mode == UML { // the guest kernel does not see the host's mounts, but hostfs crosses them
			var flags uintptr = unix.MS_NOSUID | unix.MS_NODEV
			if readOnly {
				flags |= unix.MS_RDONLY
			}
			return mountAt("lab", target, "hostfs", flags, "/"+piece)
		}
		if err := bindDir(filepath.Join(lower, piece), target); err != nil {
			return err
		}
		if readOnly {
			return setReadOnly(target, true, true)
		}
		return nil
	}
	errs := []error{attach(pieceLab, labDir, true)}
	for _, f := range s.folders() {
		errs = append(errs, attach(f.piece, f.inside, !f.writable))
	}
	return errors.Join(errs...)
}
