package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// stageArg is the only argument of the lab program when it is started anew inside the namespaces.
const stageArg = "_stage"

// The files the stage inherits. In mode UML stdout and stderr are the console log, in mode Native the caller's.
const (
	stageSpecPath = "/proc/self/fd/3"
	stageLineFd   = 4 // UML: the serial line
	stageTTYFd    = 5 // UML with a terminal: the second serial line
)

// stage is process 1 of the namespaces. It puts the pieces in place and then runs the guest; it returns the exit status.
func stage() (int, error) {
	s, err := loadSpec(stageSpecPath)
	if err != nil {
		return 0, err
	}
	if err := placePieces(s); err != nil {
		return 0, err
	}
	if s.Mode == Native {
		return nativeGuest(s)
	}
	return bootUML(s)
}

// placePieces mounts what the guest may see below ROOT/run/lab. All mounts are private to the namespace and vanish with it.
func placePieces(s *spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := mountAt("tmpfs", filepath.Join(s.Root, "run"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(stageSpecPath)
	if err != nil {
		return err
	}
	at := func(piece string) string { return filepath.Join(s.Root, piece) }
	bin := filepath.Join(at(pieceLab), filepath.Base(binDir))
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	errs := []error{
		os.WriteFile(at(pieceSpec), text, 0o600),
		bindFile(self, at(pieceInit)),
		bindFile(self, filepath.Join(at(pieceLab), filepath.Base(programPath))),
	}
	if s.Binary != "" {
		errs = append(errs, bindFile(s.Binary, filepath.Join(bin, filepath.Base(s.Binary))))
	}
	for _, f := range s.folders() {
		errs = append(errs, bindDir(f.host, at(f.piece)))
	}
	return errors.Join(errs...)
}

func bindFile(from, to string) error {
	if err := os.WriteFile(to, nil, 0o755); err != nil {
		return err
	}
	return bind(from, to)
}

func bindDir(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return bind(from, to)
}

func bind(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("binding %s to %s: %w", from, to, err)
	}
	return nil
}

// setReadOnly changes the write permission of a mount and, when deep, of all mounts below.
func setReadOnly(path string, readOnly, deep bool) error {
	var attr unix.MountAttr
	if readOnly {
		attr.Attr_set = unix.MOUNT_ATTR_RDONLY
	} else {
		attr.Attr_clr = unix.MOUNT_ATTR_RDONLY
	}
	var flags uint
	if deep {
		flags = unix.AT_RECURSIVE
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &attr); err != nil {
		return fmt.Errorf("setting read-only=%t on %s: %w", readOnly, path, err)
	}
	return nil
}

// bootUML runs the UML kernel with the root filesystem as its hostfs root. A guest may name any path of the host as a hostfs (dots lead out of
// hostfs=), so what protects the host is that here nothing is writable but the folders that are meant to be and the guest's memory.
func bootUML(s *spec) (int, error) {
	if err := protectHost(s); err != nil {
		return 0, err
	}
	cmd := exec.Command(s.Kernel, "mem="+s.Mem, "root=/dev/root", "rootfstype=hostfs", "hostfs="+s.Root, "rw", "init=/"+pieceInit,
		"con=null", "con0=fd:0,fd:1", "loglevel=7", "printk.time=1", "oops=panic", "systemd.show_status=error", "seccomp=on", "uml_dir="+memDir, fmt.Sprintf("ssl0=fd:%d", stageLineFd))
	cmd.ExtraFiles = []*os.File{nil, os.NewFile(stageLineFd, "line")}
	if s.Terminal {
		cmd.Args = append(cmd.Args, fmt.Sprintf("ssl1=fd:%d", stageTTYFd))
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(stageTTYFd, "terminal"))
	}
	cmd.Env = []string{"TMPDIR=" + memDir, "HOME=" + memDir, "PATH=/usr/bin:/bin"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting the UML kernel: %w", err)
	}
	for _, f := range cmd.ExtraFiles[1:] {
		f.Close() // only the guest's end counts: the host must see when it is gone
	}
	return waitAll(cmd.Process.Pid)
}

// memDir is where the UML kernel keeps the guest's memory.
const memDir = "/dev/shm"

// protectHost makes everything read-only but the writable folders and a private memDir.
func protectHost(s *spec) error {
	errs := []error{setReadOnly("/", true, true)}
	for _, f := range s.folders() {
		if f.writable {
			errs = append(errs, setReadOnly(filepath.Join(s.Root, f.piece), false, false))
		}
	}
	return errors.Join(append(errs,
		mountAt("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
		mountAt("tmpfs", memDir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=100%"))...)
}
