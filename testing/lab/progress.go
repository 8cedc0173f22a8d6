package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// progressInterval is how often a long step says that it still goes on.
const progressInterval = 15 * time.Second

// step runs a long command with its output kept back; a line says now and then how far it is. On failure the end of the output is part of the error.
// A Stdout that is set already is left alone. When ctx ends, the command and its children are asked to end, so that they clean up.
func step(ctx context.Context, what string, cmd *exec.Cmd) error {
	out := &lastLines{}
	cmd.Stderr = out
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends that started the process
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	start := time.Now()
	fmt.Fprintf(os.Stderr, "lab: making %s\n", what)
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) })
	defer stop()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case <-ticker.C:
			fmt.Fprintf(os.Stderr, "lab: %4.0f s: %s\n", time.Since(start).Seconds(), out.last())
		case err := <-done:
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil:
				return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
			}
			fmt.Fprintf(os.Stderr, "lab: %4.0f s: done\n", time.Since(start).Seconds())
			return nil
		}
	}
}

// lastLines keeps the last 8 kB that were written.
type lastLines struct {
	mu   sync.Mutex
	data []byte
}

func (l *lastLines) Write(p []byte) (int, error) {
	const keep = 8 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data = append(l.data, p...)
	if extra := len(l.data) - keep; extra > 0 {
		l.data = l.data[extra:]
	}
	return len(p), nil
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.data)
}

func (l *lastLines) last() string {
	lines := bytes.Split(bytes.TrimRight([]byte(l.String()), "\r\n"), []byte("\n"))
	return string(lines[len(lines)-1])
}

// tool is a program and the Debian package that has it; the program may also be a file with a full path.
type tool struct{ program, pkg string }

// needTools installs missing tools when we are root and the system has apt-get, else it names the packages.
func needTools(ctx context.Context, tools []tool) error {
	var missing []string
	for _, t := range tools {
		if _, err := exec.LookPath(t.program); err != nil && !isFile(t.program) {
			missing = append(missing, t.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("please install these packages first: %s", strings.Join(missing, " "))
	}
	install := exec.Command("apt-get", append([]string{"install", "--yes", "--no-install-recommends"}, missing...)...)
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return step(ctx, "the tools available: apt-get install "+strings.Join(missing, " "), install)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
