package differential

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// Bounds for what ipsecif may cost on a file that is no configuration. They
// leave room for a busy machine; a hang or reading without bound exceeds them.
const (
	badInputTime   = 5 * time.Second
	badInputMemory = 300 << 10 // KiB
)

// TestBadInput gives ipsecif files that are no configuration, and includes of
// them: there must be a clear error soon, at little cost.
func TestBadInput(t *testing.T) {
	hosts.Require(t)
	t.Chdir(t.TempDir())
	program, err := os.Executable() // its first bytes are binary
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile("sparse.conf", nil, 0o644))
	must(os.Truncate("sparse.conf", 1<<30))
	must(os.WriteFile("line.conf", bytes.Repeat([]byte("x"), 10<<20), 0o644))
	must(os.WriteFile("self.conf", []byte("conn a\n"+strings.Repeat("include self.conf\n", 3)), 0o644))
	must(os.WriteFile("many.conf", bytes.Repeat([]byte("include none*.conf\n"), 100000), 0o644))
	must(syscall.Mkfifo("fifo.conf", 0o644))
	must(os.Mkdir("folder.conf", 0o755))
	binary, err := os.ReadFile(program)
	must(err)
	must(os.WriteFile("binary.conf", binary, 0o644))
	must(os.Symlink("/dev/zero", "zero.conf"))
	must(os.Symlink("loop.conf", "loop.conf"))

	for name, want := range map[string]string{
		"sparse.conf": "larger than 64 MB", "line.conf": "the line is longer than", "self.conf": "more than 4096",
		"many.conf": "more than 4096 include statements", "fifo.conf": "is a FIFO", "folder.conf": "is a directory",
		"binary.conf": "not text", "zero.conf": "is a device", "loop.conf": "too many levels of symbolic links", "none.conf": "no such file",
	} {
		t.Run(name, func(t *testing.T) { refuses(t, name, want) })
		if name == "none.conf" || name == "loop.conf" { // an include of these is a warning
			continue
		}
		t.Run("include-"+name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "main.conf")
			if err := os.WriteFile(file, []byte("include "+name+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			refuses(t, file, want)
		})
	}
}

// refuses runs `ipsecif check` and expects an error with that text.
func refuses(t *testing.T, file, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), badInputTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv("IPSECIF_BIN"), "--config", file, "check")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil || cmd.ProcessState == nil {
		t.Fatalf("no end within %v: %v", badInputTime, err)
	}
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("exit status %d, want 1 and %q in\n%.2000s", cmd.ProcessState.ExitCode(), want, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss > badInputMemory {
		t.Errorf("it took %v KiB of memory, more than %v", usage.Maxrss, badInputMemory)
	}
}
