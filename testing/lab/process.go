package lab

import (
	"fmt"
	"syscall"
)

// waitAll reaps every child, as process 1 must, until pid has ended, and returns its status in the manner of a shell.
func waitAll(pid int) (int, error) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, fmt.Errorf("waiting for process %d: %w", pid, err)
		case ended == pid:
			return exitStatus(status), nil
		}
	}
}

// reapAll waits until no child is left.
func reapAll() {
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && err != syscall.EINTR {
			return
		}
	}
}

// exitStatus is a wait status in the manner of a shell: 128 and the signal for a process that a signal has ended.
func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
