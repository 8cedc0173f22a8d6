package admin

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// grace is how long a hook has to end after its time is over.
	grace = 2 * time.Second
	// rest is how long the output of a hook is read after its end, which a
	// process that it left in the background may have kept open.
	rest = time.Second
)

// Run runs the hooks for all events that wait, one after another, and tells log
// what they print and how they end. This is what the process does that Start
// starts. Where another one is at it already, that one goes on.
func (h Hooks) Run(log Log) error {
	return h.queue().drain(func(j job) {
		paths, err := h.hooks(func(name, why string) { log(notice, name, "skipped: "+why) })
		if err != nil {
			log(failure, "", err.Error())
		}
		for _, path := range paths {
			h.run(path, j, log)
		}
	})
}

// run runs one hook.
func (h Hooks) run(path string, j job, log Log) {
	name := filepath.Base(path)
	out := &lines{print: func(line string) { log(info, name, line) }}
	cmd := &exec.Cmd{
		Path: path, Args: []string{path}, Dir: "/", Env: j.Env,
		Stdin: bytes.NewReader(append(j.Event, '\n')), Stdout: out, Stderr: out, WaitDelay: rest,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		log(failure, name, "not started: "+err.Error())
		return
	}
	limit := h.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	late, err := wait(cmd, limit)
	out.flush()
	took := time.Since(begin).Round(time.Millisecond)
	switch {
	case late:
		log(failure, name, fmt.Sprintf("ended after %v, its limit", limit))
	case errors.Is(err, exec.ErrWaitDelay):
		log(info, name, fmt.Sprintf("exit status 0 after %v; what it left in the background is not listened to any more", took))
	case err != nil:
		log(failure, name, fmt.Sprintf("%v after %v", err, took))
	default:
		log(info, name, fmt.Sprintf("exit status 0 after %v", took))
	}
}

// wait waits for the end of a hook. When its time is over, all processes of its
// group are asked to end, and then killed.
func wait(cmd *exec.Cmd, limit time.Duration) (late bool, err error) {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return false, err
	case <-time.After(limit):
	}
	// The group has the number of its first process. It is gone if all ended.
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGTERM)
	select {
	case <-done:
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	case <-time.After(grace):
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		<-done
	}
	return true, nil
}
