package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience bounds every wait.
const patience = 5 * time.Minute

// bench has what is measured, and where.
type bench struct {
	ipsecif, conf, state, dir string // paths
	rounds                    int
	on                        func(func() error) error // does something on the host
}

// daemon is a running daemon.
type daemon struct {
	cmd   *exec.Cmd
	said  *bytes.Buffer
	ready time.Duration // from its start on
}

// call runs ipsecif and returns how long it took.
func (b *bench) call(args ...string) (took time.Duration, err error) {
	cmd := exec.Command(b.ipsecif, append([]string{"--config", b.conf, "--state-dir", b.state}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	err = b.on(func() error {
		start := time.Now()
		defer func() { took = time.Since(start) }()
		return cmd.Run()
	})
	if err != nil {
		err = fmt.Errorf("ipsecif %s: %w\n%s", strings.Join(args, " "), err, tail(&said))
	}
	return took, err
}

// tail returns the end of what a process has said.
func tail(said *bytes.Buffer) string {
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// start starts the daemon as systemd does, and waits until it says that it is
// ready (sd_notify(3)).
func (b *bench) start() (*daemon, error) {
	name := filepath.Join(b.dir, "notify")
	if err := os.RemoveAll(name); err != nil {
		return nil, err
	}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	d := &daemon{cmd: exec.Command(b.ipsecif, "--config", b.conf, "--state-dir", b.state, "daemon"), said: &bytes.Buffer{}}
	d.cmd.Stderr, d.cmd.Env = d.said, append(os.Environ(), "NOTIFY_SOCKET="+name)
	start := time.Now()
	if err := b.on(d.cmd.Start); err != nil {
		return nil, err
	}
	message := make([]byte, 4096)
	for err = socket.SetReadDeadline(start.Add(patience)); err == nil; {
		n, failed := socket.Read(message)
		if failed != nil {
			err = failed
			break
		}
		if bytes.Contains(append([]byte("\n"), message[:n]...), []byte("\nREADY=1")) {
			d.ready = time.Since(start)
			return d, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("waiting for the daemon: %w\n%s", err, tail(d.said)), d.end())
}

// end ends the daemon, which leaves everything up.
func (d *daemon) end() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return d.cmd.Wait()
}

// tick is the unit of times in /proc/PID/stat (proc_pid_stat(5)): the same on all
// systems that Go supports.
const tick = 10 * time.Millisecond

// used returns how much time of a processor the daemon has used.
func (d *daemon) used() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest) // from the third on
	var sum time.Duration
	for _, i := range []int{14, 15} {
		n, err := strconv.Atoi(fields[i-3])
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// memory returns how much memory the daemon has and had, in kB.
func (d *daemon) memory() (now, peak string, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(text)) {
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "VmRSS":
			now = strings.TrimSpace(value)
		case "VmHWM":
			peak = strings.TrimSpace(value)
		}
	}
	return now, peak, nil
}
