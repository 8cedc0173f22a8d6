package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Options say what to run and where. The zero value of a field means the default that its comment names.
type Options struct {
	Args     []string      // the command; with Binary its arguments only
	Binary   string        // a program on the host to run as the command, such as a test binary
	Dir      string        // working directory; default the caller's
	Mode     Mode          // default Auto
	Mem      string        // memory of a UML guest, such as 512M; default DefaultMem
	Timeout  time.Duration // default DefaultTimeout
	Out      string        // host folder that is writable at /out; default none
	Work     string        // host folder that is writable at its own path; default none
	Disk     string        // host folder that keeps what is written to the root filesystem, so that the next run is a reboot; UML only; default none
	Env      []string      // names of further variables to pass on, or NAME=VALUE
	Systemd  bool          // boot systemd and run the command as a unit; UML only
	Terminal bool          // connect the command to the terminal of stdin
	Stdout   io.Writer     // default os.Stdout
	Stderr   io.Writer     // default os.Stderr; also takes the lab's own messages
}

var memSize = regexp.MustCompile(`^[1-9][0-9]*[MG]$`)

// spec fills in the defaults and looks everything up that can fail before the namespaces are made.
func (o *Options) spec(ctx context.Context) (*spec, error) {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	s := &spec{Mode: o.Mode, Mem: o.Mem, Dir: o.Dir, Out: o.Out, Work: o.Work, Disk: o.Disk, Binary: o.Binary, Args: o.Args, Terminal: o.Terminal, Systemd: o.Systemd}
	if s.Mem == "" {
		s.Mem = DefaultMem
	}
	if !memSize.MatchString(s.Mem) {
		return nil, fmt.Errorf("memory size %q: want a number and M or G", s.Mem)
	}
	if len(s.Args) == 0 && s.Binary == "" {
		return nil, errors.New("no command given")
	}
	var errs []error
	for _, path := range []*string{&s.Dir, &s.Out, &s.Work, &s.Disk, &s.Binary} {
		if *path != "" || path == &s.Dir {
			abs, err := filepath.Abs(*path)
			*path = abs
			errs = append(errs, err)
		}
	}
	s.Tree = workTree(s.Dir)
	if s.Tree == "/" {
		errs = append(errs, errors.New("the work tree is the whole root folder: change to a project folder first"))
	}
	for _, dir := range []string{s.Out, s.Disk} {
		if dir != "" {
			errs = append(errs, os.MkdirAll(dir, 0o755))
		}
	}
	root, err := preparedRoot()
	s.Root = root
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if err := o.chooseMode(ctx, s); err != nil {
		return nil, err
	}
	s.Env = o.environment(s.Mode)
	if s.Terminal {
		if s.Window, err = unix.IoctlGetWinsize(int(os.Stdin.Fd()), unix.TIOCGWINSZ); err != nil {
			return nil, fmt.Errorf("stdin is no terminal: %w", err)
		}
	}
	return s, nil
}

// chooseMode settles Auto and finds the kernel for UML.
func (o *Options) chooseMode(ctx context.Context, s *spec) (err error) {
	switch {
	case s.Systemd && s.Mode == Native:
		return errors.New("systemd as process 1 needs mode uml")
	case s.Disk != "" && s.Mode == Native:
		return errors.New("a disk that is kept needs mode uml")
	case s.Systemd || s.Disk != "":
		s.Mode = UML
	case s.Mode == "" || s.Mode == Auto:
		s.Mode = UML
		if os.Geteuid() == 0 && nativeHasXfrmInterfaces(ctx, *s) {
			s.Mode = Native
		}
	case s.Mode != UML && s.Mode != Native:
		return fmt.Errorf("mode %q: want uml, native or auto", s.Mode)
	}
	if s.Mode == UML {
		s.Kernel, err = preparedKernel()
	}
	return err
}

// environment is the command's whole environment: a fixed part, what begins with IPSECIF_, and what was asked for by name.
func (o *Options) environment(mode Mode) []string {
	env := []string{"PATH=" + guestPath, "HOME=/root", "USER=root", "LANG=C.UTF-8", "NO_COLOR=1", "TERM=" + os.Getenv("TERM")}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "IPSECIF_") {
			env = append(env, v)
		}
	}
	for _, v := range o.Env {
		if strings.Contains(v, "=") {
			env = append(env, v)
		} else if value, ok := os.LookupEnv(v); ok {
			env = append(env, v+"="+value)
		}
	}
	return append(env, "IPSECIF_LAB=1", "IPSECIF_LAB_MODE="+string(mode))
}
