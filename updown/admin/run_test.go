package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"golang.org/x/sys/unix"
)

// took is what differs from run to run.
var took = regexp.MustCompile(`after [0-9.]+m?s(;|$)`)

// runAll runs the hooks of a place for one event and returns the log.
func runAll(t *testing.T, dir string, event any) string {
	t.Helper()
	return runLimited(t, dir, event, 0)
}

func runLimited(t *testing.T, dir string, event any, limit time.Duration) string {
	t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	h := hooksIn(dir)
	h.Limit = limit
	if err := h.queue().add(job{text, Environment([]string{"PLUTO_VERB=up-client"})}); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	if err := h.Run(func(p journal.Priority, hook, line string) {
		fmt.Fprintf(&log, "<%d> %s\n", p, took.ReplaceAllString(message(hook, line), "after TIME$1"))
	}); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(log.String(), dir, "DIR")
}

func compare(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestEnds is how hooks end, one after another whatever becomes of them.
func TestEnds(t *testing.T) {
	dir := place(t, map[string]string{
		"10-well":    "echo $PLUTO_VERB; printf 'two\\nlines'; echo; echo err >&2",
		"20-status":  "exit 3",
		"30-signal":  "kill -9 $$",
		"40-hostile": "printf '\\033[2J\\377\\n'; printf 'no end'",
		"50-bad":     "", // see below
	})
	bad := filepath.Join(dir, "hooks.d", "50-bad")
	if err := os.WriteFile(bad, []byte("#!/nowhere/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	compare(t, runAll(t, dir, 1), `<6> hook 10-well: up-client
<6> hook 10-well: two
<6> hook 10-well: lines
<6> hook 10-well: err
<6> hook 10-well: exit status 0 after TIME
<4> hook 20-status: exit status 3 after TIME
<4> hook 30-signal: signal: killed after TIME
<6> hook 40-hostile: ?[2J?
<6> hook 40-hostile: no end
<6> hook 40-hostile: exit status 0 after TIME
<4> hook 50-bad: not started: fork/exec DIR/hooks.d/50-bad: no such file or directory
`)
}

// TestLimit ends hooks whose time is over with all that they started, even if
// they do not want to.
func TestLimit(t *testing.T) {
	dir := place(t, map[string]string{
		"1": "sleep 60 & echo $! >DIR/child; wait",
		"2": "trap '' TERM; (trap '' TERM; echo on; until false; do sleep 1; done) & echo $! >DIR/stubborn; echo $$ >DIR/self; wait",
		"3": "echo next",
	})
	compare(t, runLimited(t, dir, 1, time.Second), `<4> hook 1: ended after 1s, its limit
<6> hook 2: on
<4> hook 2: ended after 1s, its limit
<6> hook 3: next
<6> hook 3: exit status 0 after TIME
`)
	for _, name := range []string{"child", "stubborn", "self"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("process %d (%s) is still alive", pid, name)
			}
		}
	}
}

// alive reports whether a process runs; one that waits for its parent to look
// at it does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return err == nil && !bytes.HasPrefix(state, []byte("Z"))
}

// TestBackground is a hook that leaves a process in the background with its
// output: this is not waited for, and not ended.
func TestBackground(t *testing.T) {
	dir := place(t, map[string]string{"1": "sleep 60 & echo $! >DIR/child; echo started"})
	compare(t, runAll(t, dir, 1), `<6> hook 1: started
<6> hook 1: exit status 0 after TIME; what it left in the background is not listened to any more
`)
	text, err := os.ReadFile(filepath.Join(dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !alive(pid) {
		t.Errorf("process %q has ended (%v)", text, err)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Error(err)
	}
}

// TestUnread is a hook that does not read an event of any size.
func TestUnread(t *testing.T) {
	dir := place(t, map[string]string{"1": "echo done", "2": "wc -c"})
	compare(t, runAll(t, dir, strings.Repeat("x", 200_000)), `<6> hook 1: done
<6> hook 1: exit status 0 after TIME
<6> hook 2: 200003
<6> hook 2: exit status 0 after TIME
`)
}

// TestSkipped is what is not run, and why.
func TestSkipped(t *testing.T) {
	hooks := make(map[string]string)
	for _, name := range []string{".hidden", "edited~", "old.dpkg-old", "new.rpmnew", "ok.rpm", "plain", "shared", "group", "foreign", "zz"} {
		hooks[name] = "echo run"
	}
	dir := place(t, hooks)
	d := filepath.Join(dir, "hooks.d")
	if err := errors.Join(
		os.Mkdir(filepath.Join(d, "folder"), 0o755),
		os.Symlink("zz", filepath.Join(d, "link")),
		unix.Mkfifo(filepath.Join(d, "fifo"), 0o755),
		os.Chmod(filepath.Join(d, "plain"), 0o644),
		os.Chmod(filepath.Join(d, "shared"), 0o757),
		os.Chmod(filepath.Join(d, "group"), 0o775),
	); err != nil {
		t.Fatal(err)
	}
	foreign := "<6> hook foreign: run\n<6> hook foreign: exit status 0 after TIME\n"
	skipped := ""
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(d, "foreign"), 12345, -1); err != nil {
			t.Fatal(err)
		}
		foreign, skipped = "", "<5> hook foreign: skipped: owned by user 12345\n"
	}
	compare(t, runAll(t, dir, 1), `<5> hook .hidden: skipped: its name begins with a dot
<5> hook edited~: skipped: its name has "~", so it is a leftover
<5> hook fifo: skipped: not a regular file
<5> hook folder: skipped: not a regular file
`+skipped+`<5> hook group: skipped: writable by others (mode 0775)
<5> hook link: skipped: not a regular file
<5> hook new.rpmnew: skipped: its name has ".rpmnew", so it is a leftover
<5> hook old.dpkg-old: skipped: its name has ".dpkg-", so it is a leftover
<5> hook plain: skipped: not executable
<5> hook shared: skipped: writable by others (mode 0757)
`+foreign+`<6> hook ok.rpm: run
<6> hook ok.rpm: exit status 0 after TIME
<6> hook zz: run
<6> hook zz: exit status 0 after TIME
`)
	if err := os.Chmod(d, 0o777); err != nil {
		t.Fatal(err)
	}
	compare(t, runAll(t, dir, 1), "<4> no hook of DIR/hooks.d is run: it is writable by others (mode 0777)\n")
	if err := os.RemoveAll(d); err != nil {
		t.Fatal(err)
	}
	compare(t, runAll(t, dir, 1), "<4> looking for hooks: stat DIR/hooks.d: no such file or directory\n")
}

// TestDamaged reports an event that cannot be read, once, and does the others.
func TestDamaged(t *testing.T) {
	dir := place(t, map[string]string{"1": "cat"})
	h := hooksIn(dir)
	if err := h.queue().add(job{json.RawMessage("1"), nil}); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "state", "hooks", "0.json")
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	err := h.Run(func(_ journal.Priority, _, line string) { log.WriteString(line + "\n") })
	want := "reading an event for the hooks: " + damaged + ": unexpected end of JSON input"
	if err == nil || err.Error() != want || !strings.HasPrefix(log.String(), "1\n") {
		t.Errorf("error %v\nwant  %s\nlog %q", err, want, log.String())
	}
	if err := h.Run(func(_ journal.Priority, _, line string) { t.Error(line) }); err != nil {
		t.Error(err)
	}
}
