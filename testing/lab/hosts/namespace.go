package hosts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// namespace is a set of network, mount and UTS namespaces, held by file descriptors.
type namespace struct {
	name          string
	net, mnt, uts *os.File
}

// The main goroutine keeps the main thread. That one cannot be thrown away: if it
// ran f for a host once, the whole process would pass for one of the host's.
func init() { runtime.LockOSThread() }

// newNamespace makes the namespaces and runs setup inside them. The network namespace has nothing but lo, which is up.
func newNamespace(name string, setup func() error) (*namespace, error) {
	ns := &namespace{name: name}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS); err != nil {
			return fmt.Errorf("making namespaces: %w", err)
		}
		for _, f := range []struct {
			file **os.File
			kind string
		}{{&ns.net, "net"}, {&ns.mnt, "mnt"}, {&ns.uts, "uts"}} {
			var err error
			if *f.file, err = os.Open("/proc/thread-self/ns/" + f.kind); err != nil {
				return err
			}
		}
		return setup()
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), ns.close())
	}
	return ns, nil
}

// do runs f on a thread inside the namespaces. The thread is thrown away afterwards, because it cannot be trusted to come back clean.
func (ns *namespace) do(f func() error) error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil { // else the mount namespace cannot be entered
			return fmt.Errorf("%s: leaving the process's file system state: %w", ns.name, err)
		}
		for _, file := range []*os.File{ns.net, ns.uts, ns.mnt} {
			if err := unix.Setns(int(file.Fd()), 0); err != nil {
				return fmt.Errorf("%s: entering %s: %w", ns.name, file.Name(), err)
			}
		}
		return f()
	})
}

// onThread runs f on a fresh thread that ends with it. Threads and processes that f starts inherit the thread's namespaces.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime then ends the thread with the goroutine
		err := errors.New("the function ended its goroutine (t.Fatal?)")
		defer func() { done <- err }()
		err = f()
	}()
	return <-done
}

// endProcesses kills every process whose network namespace this is, and waits until they are gone.
func (ns *namespace) endProcesses() error {
	const limit = 10 * time.Second
	deadline := time.Now().Add(limit)
	for {
		pids, err := ns.processes()
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: processes %v are still there %v after SIGKILL", ns.name, pids, limit)
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
				return fmt.Errorf("%s: ending process %d: %w", ns.name, pid, err)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// processes are the ids of the processes in the network namespace.
func (ns *namespace) processes() ([]int, error) {
	var own unix.Stat_t
	if err := unix.Fstat(int(ns.net.Fd()), &own); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		var other unix.Stat_t
		// A process that has just ended has no namespaces any more.
		if unix.Stat(filepath.Join("/proc", e.Name(), "ns/net"), &other) == nil && other.Ino == own.Ino && other.Dev == own.Dev {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func (ns *namespace) close() error {
	var errs []error
	for _, f := range []*os.File{ns.net, ns.mnt, ns.uts} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
