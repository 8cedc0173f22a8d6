package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/ipsecif/ipsecif/testing/bench/times"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"golang.org/x/sys/unix"
)

// patience bounds every process.
const patience = 5 * time.Minute

// bench has what is measured on, and what comes out of it.
type bench struct {
	ipsecif, dir  string // path of the program, and of a folder for files
	links         bool   // the kernel has xfrm interfaces
	rounds, conns int
	road, other   machine
	peak          int64 // of memory of a hook, KiB
}

// machine is a host, with claims of its own in /run.
type machine struct{ host *hosts.Host }

// call is a program with its arguments, and its whole environment if that is
// not the caller's.
type call struct {
	args []string
	env  []string
}

// process is what a process took and said.
type process struct {
	took   time.Duration
	peak   int64 // of memory, KiB
	output string
}

// run runs a process on the host. The clock starts when the thread is inside the
// host's namespaces.
func (m machine) run(c call) (process, error) {
	all, _, err := m.start(c)
	if err != nil {
		return process{}, err
	}
	return all[0], nil
}

// start runs processes on the host at once, and returns what each took, and what
// all took together. The error is that of all that failed. As little as possible
// of this program runs meanwhile: what they say goes to files.
func (m machine) start(calls ...call) (all []process, took time.Duration, err error) {
	all = make([]process, len(calls))
	err = m.host.Do(func() error {
		commands := make([]*exec.Cmd, len(calls))
		for i, c := range calls {
			fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
			if err != nil {
				return fmt.Errorf("making a file for output: %w", err)
			}
			output := os.NewFile(uintptr(fd), "output")
			defer output.Close()
			commands[i] = exec.Command(c.args[0], c.args[1:]...)
			commands[i].Env, commands[i].Stdout, commands[i].Stderr = c.env, output, output
		}
		start := time.Now()
		defer time.AfterFunc(patience, func() { kill(commands) }).Stop()
		for _, cmd := range commands {
			if err := cmd.Start(); err != nil {
				return err
			}
		}
		ends := make([]error, len(calls))
		for i, cmd := range commands {
			ends[i] = cmd.Wait()
			all[i].took = time.Since(start)
		}
		took = time.Since(start)
		for i, cmd := range commands {
			all[i].ended(cmd)
			if ends[i] != nil {
				ends[i] = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), ends[i], all[i].output)
			}
		}
		return errors.Join(ends...)
	})
	return all, took, err
}

// kill ends the processes that take too long.
func kill(commands []*exec.Cmd) {
	for _, cmd := range commands {
		if cmd.Process != nil {
			_ = cmd.Process.Kill() // it may have ended meanwhile
		}
	}
}

// ended notes what an ended process needed and said.
func (p *process) ended(cmd *exec.Cmd) {
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.peak = usage.Maxrss
	}
	file := cmd.Stdout.(*os.File)
	if _, err := file.Seek(0, io.SeekStart); err == nil {
		text, _ := io.ReadAll(file)
		p.output = string(text)
	}
}

// ownPeak returns the peak of memory of this program. The kernel counts it for
// what the program starts, too: until exec that is the same memory.
func ownPeak() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return usage.Maxrss
}

// state is everything that a hook might leave different on the host.
func (m machine) state() (string, error) {
	var all strings.Builder
	for _, family := range []string{"-4", "-6"} {
		for _, words := range []string{"link show", "address show", "rule show", "route show table all"} {
			p, err := m.run(call{args: append([]string{"ip", "-br", family}, strings.Fields(words)...)})
			if err != nil {
				return "", err
			}
			all.WriteString(p.output)
		}
	}
	return all.String(), nil
}

// must compares the state with what it should be.
func (m machine) must(want string) error {
	got, err := m.state()
	if err == nil && got != want {
		err = fmt.Errorf("the host's state is\n%s\ninstead of\n%s", got, want)
	}
	return err
}

// has looks for texts in the state.
func (m machine) has(texts ...string) (string, error) {
	got, err := m.state()
	if err != nil {
		return "", err
	}
	for _, text := range texts {
		if !strings.Contains(got, text) {
			err = errors.Join(err, fmt.Errorf("no %q", text))
		}
	}
	if err != nil {
		err = fmt.Errorf("%w in the host's state:\n%s", err, got)
	}
	return got, err
}

// serve runs the hook, with flags before its name.
func (b *bench) serve(m machine, env []string, flags ...string) (process, error) {
	p, err := m.run(call{append(append([]string{b.ipsecif}, flags...), "updown"), env})
	b.peak = max(b.peak, p.peak)
	return p, err
}

// compared prints how many times faster ours is.
func compared(what, theirs string, ours, script times.Times) {
	fmt.Printf("%s: %s, %s %s: %s times faster\n", what, ours, theirs, script, times.InTurns(script, ours))
}
