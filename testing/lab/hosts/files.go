package hosts

import (
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// privateFiles gives the calling thread's mount namespace its own /etc, /var and /run, and a /sys that shows its own network namespace.
func privateFiles() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mounting /run: %w", err)
	}
	return errors.Join(privateCopy("/etc"), privateCopy("/var"), ownSysfs())
}

// privateCopy lays an overlay over a folder; changes stay in memory.
func privateCopy(dir string) error {
	upper, work := "/run/.private"+dir+"/upper", "/run/.private"+dir+"/work"
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, upper, work)
	if err := unix.Mount("overlay", dir, "overlay", 0, options); err != nil {
		return fmt.Errorf("laying an overlay over %s: %w", dir, err)
	}
	return nil
}

// ownSysfs mounts sysfs anew, because one instance shows the devices of one network namespace, and what was mounted in it.
func ownSysfs() error {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("sysfs", "/sys", "sysfs", safe, ""); err != nil {
		return fmt.Errorf("mounting /sys: %w", err)
	}
	for fstype, dir := range map[string]string{"cgroup2": "/sys/fs/cgroup", "debugfs": "/sys/kernel/debug"} {
		err := unix.Mount(fstype, dir, fstype, safe, "")
		if err != nil && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("mounting %s: %w", dir, err)
		}
	}
	return nil
}

// loopbackUp sets lo up in the calling thread's network namespace.
func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	return netlink.LinkSetUp(lo)
}
