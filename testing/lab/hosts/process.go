package hosts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// waitDelay is how long the pipes of an ended program may be held open by what it left behind.
const waitDelay = 2 * time.Second

// Process is a program that runs in the background on a host. It ends with the network at the latest.
type Process struct {
	host   *Host
	cmd    *exec.Cmd
	log    string        // file with stdout and stderr
	exited chan struct{} // closed when the program has ended
	err    error         // its end; valid when exited is closed
}

// Start starts a program in the background. Its output goes into the log file HOST-PROGRAM.log in the network's folder, behind that of earlier ones.
func (h *Host) Start(name string, args ...string) (*Process, error) {
	cmd := exec.CommandContext(h.net.ctx, name, args...)
	p := &Process{host: h, cmd: cmd, exited: make(chan struct{})}
	p.log = filepath.Join(h.net.dir, h.Name+"-"+filepath.Base(name)+".log")
	file, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	if err := h.start(cmd); err != nil {
		return nil, fmt.Errorf("%s: starting %s: %w", h.Name, name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// running tells whether the program has not ended yet; there may be none at all.
func (p *Process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Log is what the program has written until now, and before it earlier programs of this name on this host.
func (p *Process) Log() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Kill ends the program at once, without a chance to clean up, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: ending %s: %w", p.host.Name, p.cmd.Path, err)
	}
	<-p.exited
	return nil
}

// Stop asks the program to end with SIGTERM and waits until it is gone. A program that is still there when ctx ends is killed: an error.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: stopping %s: %w", p.host.Name, p.cmd.Path, err)
	}
	return p.awaitExit(ctx)
}

func (p *Process) awaitExit(ctx context.Context) error {
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		return errors.Join(p.failed("did not end when it was asked to", ctx.Err()), p.Kill())
	}
}

// await polls ready until it says true. It fails when the program ends before or ctx does.
func (p *Process) await(ctx context.Context, what string, ready func() (bool, error)) error {
	const interval = 10 * time.Millisecond
	for {
		ok, err := ready()
		if ok {
			return nil
		}
		select {
		case <-p.exited:
			return p.failed("ended while waiting for "+what, errors.Join(p.err, err))
		case <-ctx.Done():
			return p.failed("gave up waiting for "+what, errors.Join(context.Cause(ctx), err))
		case <-time.After(interval):
		}
	}
}

// failed is an error with the end of the log.
func (p *Process) failed(what string, err error) error {
	const tail = 40
	lines := strings.Split(strings.TrimRight(p.Log(), "\n"), "\n")
	lines = lines[max(0, len(lines)-tail):]
	return fmt.Errorf("%s: %s %s: %w; the end of %s:%s", p.host.Name, filepath.Base(p.cmd.Path), what, err, p.log, indented(strings.Join(lines, "\n")))
}
