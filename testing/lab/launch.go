package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// stageCommand prepares the lab program to be started anew as process 1 of new namespaces, with the spec as its first extra file.
func stageCommand(s *spec) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file, err := s.file()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, stageArg)
	cmd.ExtraFiles = []*os.File{file}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP,
		Pdeathsig:  syscall.SIGKILL, // a killed launcher leaves nothing behind
		Setpgid:    !s.Terminal,     // Ctrl-C is for the launcher
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	} else if s.Mode == UML {
		// All ids keep their numbers, but none has power over the host.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.GidMappingsEnableSetgroups = true
		var uidErr, gidErr error
		cmd.SysProcAttr.UidMappings, uidErr = sameIDs("/proc/self/uid_map")
		cmd.SysProcAttr.GidMappings, gidErr = sameIDs("/proc/self/gid_map")
		err = errors.Join(uidErr, gidErr)
	}
	return cmd, err
}

// sameIDs maps every id that exists here to itself.
func sameIDs(path string) ([]syscall.SysProcIDMap, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []syscall.SysProcIDMap
	for line := range strings.Lines(string(data)) {
		var first, outside, size int
		if _, err := fmt.Sscan(line, &first, &outside, &size); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, line, err)
		}
		all = append(all, syscall.SysProcIDMap{ContainerID: first, HostID: first, Size: size})
	}
	return all, nil
}

// runStage starts the stage and waits for it; when ctx ends it is killed, and as it is process 1 of its namespace everything dies with it.
func runStage(ctx context.Context, cmd *exec.Cmd, started func()) (int, error) {
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends that started the process
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting in new namespaces (they need root, or user namespaces for everyone): %w", err)
	}
	started()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	var failed *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &failed) {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return exitStatus(cmd.ProcessState.Sys().(syscall.WaitStatus)), nil
}
