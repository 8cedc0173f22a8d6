package admin

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/updown/lock"
)

// TestMain is, called as `parent`, the program that a daemon calls; called as
// `run-hooks`, the process that this one starts; and called as `lock`, a
// program that a hook calls and that needs the same lock.
func TestMain(m *testing.M) {
	if len(os.Args) != 3 {
		os.Exit(m.Run())
	}
	var err error
	dir := os.Args[2]
	switch os.Args[1] {
	case "parent":
		err = parent(dir)
	case "run-hooks":
		var log *os.File
		if log, err = os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err == nil {
			err = hooksIn(dir).Run(writeTo(log))
		}
	case "lock":
		_, err = lock.Take(filepath.Join(dir, "lock"), 0)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// parent holds a lock while it starts the hooks, as one does that changes
// something.
func parent(dir string) error {
	lock, err := lock.Take(filepath.Join(dir, "lock"), 0)
	if err != nil {
		return err
	}
	defer lock.Release()
	return hooksIn(dir).Start(map[string]string{"verb": "up-client"}, append(os.Environ(), "PLUTO_VERB=up-client", "IPSECIF_IF_ID=1"))
}

func hooksIn(dir string) Hooks {
	return Hooks{Dir: filepath.Join(dir, "hooks.d"), StateDir: filepath.Join(dir, "state"), Args: []string{"run-hooks", dir}}
}

// place is a temporary folder with hooks.
func place(t *testing.T, hooks map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "hooks.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range hooks {
		if err := os.WriteFile(filepath.Join(dir, "hooks.d", name), []byte("#!/bin/sh\n"+strings.ReplaceAll(script, "DIR", dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// until waits until a file has a text, which it returns.
func until(t *testing.T, file, text string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, err := os.ReadFile(file)
		if strings.Contains(string(got), text) {
			return string(got)
		}
		if time.Now().After(end) {
			t.Fatalf("%s never has %q, but %q (%v)", file, text, got, err)
		}
	}
}

// TestDetached is a daemon that waits for the end of the output of the program
// that it calls, and by mistake hands down one more pipe; a hook that does not
// end before the daemon goes on; and then needs a lock that the program held.
func TestDetached(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := place(t, map[string]string{"wait": `
echo "pid $$ session $(cut -d' ' -f6 /proc/self/stat)"
until test -e DIR/go; do sleep 0.01; done
` + self + ` lock DIR && echo locked
for f in /proc/$$/fd/*; do readlink $f; done
cat
env | sort`})
	output, leaked := pipe(t), pipe(t)
	program := exec.Command(self, "parent", dir)
	program.Env = []string{"PATH=" + os.Getenv("PATH"), "LD_AUDIT=", "SECRET=1"}
	program.Stdout, program.Stderr = output.w, output.w
	program.ExtraFiles = []*os.File{leaked.w}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []pipeEnds{output, leaked} {
		p.w.Close()
		if err := p.r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(p.r); err != nil || len(text) > 0 {
			t.Fatalf("read %q, %v", text, err)
		}
	}
	if err := program.Wait(); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	if text := until(t, log, "pid"); strings.Contains(text, "exit status") {
		t.Errorf("the hook did not wait: %s", text)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text := until(t, log, "exit status")
	for _, want := range []string{"hook wait: locked", `hook wait: {"verb":"up-client"}`, "hook wait: PLUTO_VERB=up-client", "hook wait: IPSECIF_IF_ID=1", "exit status 0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %q:\n%s", want, text)
		}
	}
	for _, no := range []string{"SECRET", "LD_AUDIT", dir + "/lock", dir + "/log", dir + "/state"} {
		if strings.Contains(text, no) {
			t.Errorf("the hook has %q:\n%s", no, text)
		}
	}
	if strings.Contains(text, fmt.Sprintf("session %d", sessionOf(t))) {
		t.Errorf("the hook is in our session:\n%s", text)
	}
}

type pipeEnds struct{ r, w *os.File }

func pipe(t *testing.T) pipeEnds {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return pipeEnds{r, w}
}

func sessionOf(t *testing.T) int {
	t.Helper()
	stat, err := os.ReadFile("/proc/self/stat")
	var pid, ppid, pgrp, session int
	var comm, state string
	if _, e := fmt.Sscan(string(stat), &pid, &comm, &state, &ppid, &pgrp, &session); err != nil || e != nil {
		t.Fatal(err, e)
	}
	return session
}

// TestNothing starts nothing and leaves nothing where there is no hook.
func TestNothing(t *testing.T) {
	dir := place(t, nil)
	h := hooksIn(dir)
	for _, h.Dir = range []string{h.Dir, filepath.Join(dir, "none")} {
		if err := h.Start("event", nil); err != nil {
			t.Error(err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left are %v, %v", files, err)
	}
}

// TestInOrder starts several events while the first one is being done: each
// hook gets them in their order, and no event is lost or doubled.
func TestInOrder(t *testing.T) {
	dir := place(t, map[string]string{"1": "cat; sleep 0.1", "2": "cat"})
	h := hooksIn(dir)
	const events = 5
	var want strings.Builder
	for i := range events {
		if err := h.Start(i, nil); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "hook 1: %d\nhook 2: %d\n", i, i)
	}
	text := until(t, filepath.Join(dir, "log"), fmt.Sprintf("hook 2: %d", events-1))
	var got strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "exit status") {
			got.WriteString(strings.TrimPrefix(line, "ipsecif: "))
		}
	}
	if got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want.String())
	}
}
