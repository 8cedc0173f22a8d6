package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// launchEnv makes the test program run one guest with this much memory until it is killed.
const launchEnv = "LAB_TEST_LAUNCH"

func TestMain(m *testing.M) {
	Internal()
	if mem := os.Getenv(launchEnv); mem != "" {
		_, err := Run(context.Background(), Options{Mode: UML, Mem: mem, Args: []string{"sh", "-c", "echo ready; sleep 1000"}})
		panic(err)
	}
	os.Exit(m.Run())
}

// needLab ends the test when the host cannot run guests: skipped, or failed when IPSECIF_TEST_REQUIRE contains lab.
func needLab(t *testing.T) {
	t.Helper()
	if os.Getenv("IPSECIF_LAB") != "" {
		t.Skip("this test starts guests and belongs on the host")
	}
	err := Prepared()
	switch {
	case err == nil:
	case slices.Contains(strings.Split(os.Getenv("IPSECIF_TEST_REQUIRE"), ","), "lab"):
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// slowWriter takes its time with each write, as a full pipe would.
type slowWriter struct {
	w     io.Writer
	delay time.Duration
}

func (s slowWriter) Write(p []byte) (int, error) {
	time.Sleep(s.delay)
	return s.w.Write(p)
}

// TestOutput: large binary output arrives complete and unchanged while stderr is used as well, also when the reader is slow.
func TestOutput(t *testing.T) {
	needLab(t)
	const size = 20_000_000
	for name, delay := range map[string]time.Duration{"fast": 0, "slow": 5 * time.Millisecond} {
		for _, mode := range []Mode{UML, Native} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				out := t.TempDir()
				stdout, stderr := sha256.New(), new(bytes.Buffer)
				status, err := Run(t.Context(), Options{
					Mode: mode, Out: out, Stdout: slowWriter{stdout, delay}, Stderr: stderr,
					Args: []string{"sh", "-c", "head -c 20000000 /dev/urandom > /out/data; for i in 1 2 3; do echo $i >&2; done; cat /out/data; echo end >&2; exit 3"},
				})
				if err != nil || status != 3 {
					t.Fatalf("status %d, error %v; want 3; stderr:\n%s", status, err, stderr)
				}
				data, err := os.ReadFile(filepath.Join(out, "data"))
				if err != nil || len(data) != size {
					t.Fatalf("%d bytes, error %v; want %d", len(data), err, size)
				}
				if want := sha256.Sum256(data); !bytes.Equal(stdout.Sum(nil), want[:]) {
					t.Error("stdout differs from what the command wrote")
				}
				if got, want := stderr.String(), "1\n2\n3\nend\n"; got != want {
					t.Errorf("stderr %q, want %q", got, want)
				}
			})
		}
	}
}

// guests counts the UML kernels with this much memory: a size that no other run uses tells ours apart.
func guests(t *testing.T, mem string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && slices.Contains(strings.Split(string(data), "\x00"), "mem="+mem) {
			count++
		}
	}
	return count
}

// until polls for at most five seconds.
func until(what func() bool) bool {
	for range 500 {
		if what() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// signalWriter closes a channel with the first write.
type signalWriter struct {
	once  sync.Once
	wrote chan struct{}
}

func (s *signalWriter) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.wrote) })
	return len(p), nil
}

func TestCancel(t *testing.T) {
	needLab(t)
	const mem = "301M"
	ctx, cancel := context.WithCancelCause(t.Context())
	started := &signalWriter{wrote: make(chan struct{})}
	go func() {
		<-started.wrote
		if guests(t, mem) == 0 {
			t.Error("the guest runs, but guests does not see it")
		}
		cancel(errors.New("the test wants it"))
	}()
	var stderr bytes.Buffer
	status, err := Run(ctx, Options{Mode: UML, Mem: mem, Stdout: started, Stderr: &stderr, Args: []string{"sh", "-c", "echo ready; sleep 1000"}})
	if err == nil || !strings.Contains(err.Error(), "the test wants it") || status != StatusFailed {
		t.Errorf("status %d, error %v", status, err)
	}
	if n := guests(t, mem); n != 0 {
		t.Errorf("%d processes of the guest are left", n)
	}
	removeConsole(t, stderr.String())
}

// removeConsole removes the log that a failed run has kept, and fails when the message does not name it.
func removeConsole(t *testing.T, stderr string) {
	t.Helper()
	_, rest, _ := strings.Cut(stderr, "(")
	path, _, _ := strings.Cut(rest, ")")
	if err := os.Remove(path); err != nil {
		t.Errorf("the console log: %v; stderr:\n%s", err, stderr)
	}
}

// TestKilledLauncher: SIGKILL gives the launcher no chance to clean up, and still nothing is left.
func TestKilledLauncher(t *testing.T) {
	needLab(t)
	const mem = "302M"
	cmd := exec.Command(os.Args[0])
	tmp := t.TempDir()
	cmd.Env = append(os.Environ(), launchEnv+"="+mem, "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 6)
	if _, err := io.ReadFull(out, buf); err != nil || string(buf) != "ready\n" {
		t.Errorf("read %q, %v", buf, err)
	}
	if guests(t, mem) == 0 {
		t.Error("the guest runs, but guests does not see it")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if !until(func() bool { return guests(t, mem) == 0 }) {
		t.Errorf("%d processes of the guest are left", guests(t, mem))
	}
}

// TestTogether: guests do not get in each other's way.
func TestTogether(t *testing.T) {
	needLab(t)
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			var stdout, stderr bytes.Buffer
			status, err := Run(t.Context(), Options{Mode: UML, Mem: "256M", Stdout: &stdout, Stderr: &stderr, Env: []string{"N=" + string(rune('0'+i))},
				Args: []string{"sh", "-c", "echo $N > /etc/n; sleep 0.3; cat /etc/n; exit $N"}})
			if err != nil || status != i || stdout.String() != string(rune('0'+i))+"\n" {
				t.Errorf("guest %d: status %d, error %v, stdout %q, stderr %q", i, status, err, &stdout, &stderr)
			}
		})
	}
	all.Wait()
}
