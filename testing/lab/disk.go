package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// With Options.Disk a reboot is a second run: what a guest has written to its root filesystem is kept as an archive of the overlay's upper layer,
// and the next guest begins with it. Memory filesystems, such as /run, begin empty as they do on every machine.
const (
	pieceDisk   = piecesDir + "/disk"
	diskDir     = "/disk"            // the host folder inside
	upperDir    = "/run/lab-upper"   // the upper layer inside, to be read
	diskArchive = "/upper.tar"       // in the host folder
	newArchive  = diskArchive + "~"  // until it is complete
	allXattrs   = "--xattrs-include" // a file that hides one below has marks of the kernel's own
)

// restoreDisk fills the upper layer of the overlay, before that is mounted.
func restoreDisk(s *spec, lower, upper string) error {
	archive := filepath.Join(lower, pieceDisk, diskArchive)
	if s.Disk == "" {
		return nil
	}
	if _, err := os.Stat(archive); errors.Is(err, fs.ErrNotExist) {
		return nil // the first run
	}
	return tar(0, "--extract", "--preserve-permissions", "--same-owner", "--file", archive, "--directory", upper)
}

// keepDisk archives the upper layer. The rest of the system goes on meanwhile, as it does until the power is cut.
func keepDisk(s *spec) error {
	if s.Disk == "" {
		return nil
	}
	const changed = 1 // exit status: a file changed while it was read
	if err := tar(changed, "--create", "--file", diskDir+newArchive, "--directory", upperDir, "."); err != nil {
		return err
	}
	file, err := os.Open(diskDir + newArchive)
	if err != nil {
		return err
	}
	defer file.Close()
	return errors.Join(file.Sync(), os.Rename(diskDir+newArchive, diskDir+diskArchive))
}

// tar runs GNU tar, which may end with the status.
func tar(tolerated int, args ...string) error {
	out, err := exec.Command("/usr/bin/tar", append([]string{"--xattrs", allXattrs + "=*", "--numeric-owner", "--sparse"}, args...)...).CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.ExitCode() == tolerated && tolerated != 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keeping the disk: tar %s: %w: %s", args[0], err, out)
	}
	return nil
}
