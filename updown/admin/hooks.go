// Package admin runs the administrator's own hooks: the executables of a folder,
// after a change is done, in a process of their own. Nobody waits for them, and
// what they do is never an error of ours.
package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Directory is where the hooks are.
const Directory = "/etc/ipsecif/hooks.d"

// DefaultLimit is how long each hook may take.
const DefaultLimit = 30 * time.Second

// Hooks are the executables in a folder.
type Hooks struct {
	Dir      string        // usually Directory; when it is missing or empty nothing is done
	StateDir string        // for events that wait; made when it is missing
	Args     []string      // the arguments that make this program call Run, beginning with the command
	Limit    time.Duration // for each hook; 0 for DefaultLimit
}

// Start leaves an event for the hooks and starts a process that runs them, in a
// session of its own. It holds nothing of this one: a daemon that waits for
// the end of our output is not kept, and a hook may call the daemon, or this
// program, as it likes. It stays in the unit of the daemon, so a service manager
// that ends all processes of that ends it too. The hooks get the event as JSON
// on their input, and of env what Environment lets through.
func (h Hooks) Start(event any, env []string) error {
	files, err := os.ReadDir(h.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for hooks: %w", err)
	}
	text, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("writing an event for the hooks: %w", err)
	}
	if err := h.queue().add(job{text, Environment(env)}); err != nil {
		return err
	}
	return h.detach()
}

// detach starts this program once more, to run the hooks.
func (h Hooks) detach() error {
	// What a daemon forgot to close when it started us, such as the other end of
	// its pipe, is not handed down. A kernel without this call (before 5.11)
	// hands it down, as everybody else does.
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	signal.Reset(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM) // what is ignored would be so there, too
	cmd := &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        append([]string{os.Args[0]}, h.Args...),
		Dir:         "/",
		Env:         []string{path},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if isTerminal(os.Stderr) {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the hooks: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it reports to the log
	return nil
}

// isTerminal reports whether somebody looks at what is written to a file.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
