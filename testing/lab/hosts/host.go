package hosts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Host is one machine of the network. Its methods may be called from several goroutines at once, but a daemon should be started and stopped by one.
type Host struct {
	Name string

	net    *Network
	plan   plan
	ns     *namespace
	pluto  *Process // nil: not started
	charon *Process // nil: not started
}

func newHost(n *Network, p plan) (*Host, error) {
	ns, err := newNamespace(p.name, func() error {
		return errors.Join(privateFiles(), sysctl(hostSysctls(p.forward)), unix.Sethostname([]byte(p.name)), loopbackUp())
	})
	if err != nil {
		return nil, err
	}
	return &Host{Name: p.name, net: n, plan: p, ns: ns}, nil
}

// Addrs are the addresses the host was made with.
func (h *Host) Addrs() []netip.Addr {
	var all []netip.Addr
	for _, port := range h.plan.ports {
		for _, prefix := range port.prefixes() {
			all = append(all, prefix.Addr())
		}
	}
	return all
}

// owns tells whether an address is one of those the host was made with.
func (h *Host) owns(addr netip.Addr) bool { return slices.Contains(h.Addrs(), addr) }

// Do runs f on a thread inside the host's network, mount and UTS namespaces. Sockets that f opens stay in the host's network. The thread is
// thrown away afterwards; f must not call t.Fatal and the like, because it runs on another goroutine than the test.
func (h *Host) Do(f func() error) error { return h.ns.do(f) }

// Run runs a program on the host and returns its output. The error wraps an *exec.ExitError when the program ran and failed (see [ExitCode])
// and includes what it said on stderr. The program ends with ctx.
func (h *Host) Run(ctx context.Context, name string, args ...string) (stdout, stderr string, err error) {
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.WaitDelay = waitDelay
	if err = h.start(cmd); err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		err = fmt.Errorf("%s: %s: %w%s", h.Name, strings.Join(cmd.Args, " "), errors.Join(err, context.Cause(ctx)), indented(errOut.String()))
	}
	return out.String(), errOut.String(), err
}

// ExitCode is the exit status inside an error of Run, 0 for nil, and -1 when the program did not exit by itself.
func ExitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// start starts a command inside the namespaces, which the new process inherits from the thread.
func (h *Host) start(cmd *exec.Cmd) error {
	return h.Do(cmd.Start)
}

// WriteFile writes a file on the host and makes missing folders. Files below /etc, /var and /run are the host's own; others are seen by all hosts
// and by the test.
func (h *Host) WriteFile(path string, data []byte, mode os.FileMode) error {
	err := h.Do(func() error {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, mode); err != nil {
			return err
		}
		return os.Chmod(path, mode) // whatever the umask and an older file say
	})
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// ReadFile reads a file of the host.
func (h *Host) ReadFile(path string) (data []byte, err error) {
	err = h.Do(func() error {
		data, err = os.ReadFile(path)
		return err
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", h.Name, err)
	}
	return data, err
}

// indented puts program output below the first line of an error.
func indented(text string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return ""
	}
	return "\n\t" + strings.ReplaceAll(text, "\n", "\n\t")
}
