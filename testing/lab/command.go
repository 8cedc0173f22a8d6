package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// serve runs the command, sends its output and then, after everything it left running has been ended, its exit status.
func serve(s *spec, frames *frameWriter) error {
	cmd, err := command(s)
	if err != nil {
		return err
	}
	relays, err := connect(cmd, s, frames)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	relays.started()
	status, err := wait(cmd.Process.Pid)
	if err != nil {
		return err
	}
	relays.done.Wait()
	if err := keepDisk(s); err != nil {
		return err
	}
	return frames.write(frameExit, []byte{byte(status)})
}

// command looks the program up in the guest's own PATH.
func command(s *spec) (*exec.Cmd, error) {
	os.Clearenv()
	for _, v := range s.Env {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("setting the environment variable %q: %w", name, err)
		}
	}
	if err := os.Chdir(s.Dir); err != nil {
		return nil, err
	}
	args := s.Args
	if s.Binary != "" {
		args = append([]string{filepath.Join(binDir, filepath.Base(s.Binary))}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Err
}

// relays pass the command's output on.
type relays struct {
	done  sync.WaitGroup
	files []*os.File // the command's ends
}

// connect gives the command its stdout and stderr: pipes into frames, or the terminal.
func connect(cmd *exec.Cmd, s *spec, frames *frameWriter) (*relays, error) {
	r := new(relays)
	if s.Terminal {
		tty, err := openTerminal(s.Window)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
		cmd.SysProcAttr.Setctty = true
		return r, err
	}
	stdout, err1 := r.pipe(frames.stream(frameStdout))
	stderr, err2 := r.pipe(frames.stream(frameStderr))
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return r, errors.Join(err1, err2)
}

// pipe returns a pipe whose content is copied to w.
func (r *relays) pipe(w io.Writer) (*os.File, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// A bigger pipe saves system calls, which are dear here. Failing to get one costs only time.
	_, _ = unix.FcntlInt(to.Fd(), unix.F_SETPIPE_SZ, 1<<20)
	r.files = append(r.files, to)
	r.done.Go(func() {
		defer from.Close()
		if _, err := io.CopyBuffer(w, struct{ io.Reader }{from}, make([]byte, frameMaxPayload)); err != nil {
			fmt.Fprintln(os.Stderr, "lab: passing on output:", err) // the host will miss the exit frame, too
		}
	})
	return to, nil
}

// started lets go of the command's ends.
func (r *relays) started() {
	for _, f := range r.files {
		f.Close()
	}
}

// wait waits for the command and then ends everything it left behind, so that its pipes close.
func wait(pid int) (int, error) {
	status, err := waitAll(pid)
	if err != nil {
		return 0, err
	}
	if os.Getpid() == 1 {
		if err := unix.Kill(-1, unix.SIGKILL); err != nil && err != unix.ESRCH {
			return 0, fmt.Errorf("ending the processes left behind: %w", err)
		}
	} else if err := endUnit(); err != nil {
		return 0, err
	}
	reapAll()
	return status, nil
}
