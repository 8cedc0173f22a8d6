package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

const (
	deb = "/out/ipsecif.deb" // the folder of the packages, inside
	far = "198.51.100.10"    // behind the tunnel
)

// sh runs a line of shell and returns what it prints.
func sh(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

// becomes waits until a line of shell prints what is wanted.
func becomes(t *testing.T, line, want string) {
	t.Helper()
	var got string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, _ := exec.Command("sh", "-c", line).CombinedOutput()
		if got = strings.TrimSpace(string(out)); got == want {
			return
		}
	}
	t.Fatalf("%s prints %q, never %q\n%s", line, got, want, sh(t, "journalctl -q -b -n 40 -u ipsecif -u ipsec"))
}

// connected waits for an answer from behind the tunnel.
func connected(t *testing.T) {
	t.Helper()
	becomes(t, "ping -q -c 1 -W 1 "+far+" | grep -o '1 received'", "1 received")
}

// is compares what a line of shell prints.
func is(t *testing.T, line, want string) {
	t.Helper()
	if got := sh(t, line); got != want {
		t.Errorf("%s prints %q, want %q", line, got, want)
	}
}

// place writes the files of an archive in testdata to their places.
func place(t *testing.T, archive string) {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", archive))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		var mode os.FileMode = 0o644
		if strings.HasPrefix(string(f.Data), "#!") {
			mode = 0o755
		}
		if strings.HasSuffix(f.Name, ".secrets") {
			mode = 0o600
		}
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// moment is a property of a unit in microseconds since the kernel's start.
func moment(t *testing.T, unit, property string) time.Duration {
	t.Helper()
	text := sh(t, "systemctl show --value -p "+property+" "+unit)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n == 0 {
		t.Fatalf("%s of %s is %q", property, unit, text)
	}
	return time.Duration(n) * time.Microsecond
}

// encrypted pings through the tunnel and finds ESP on the wire, and nothing else.
func encrypted(t *testing.T) {
	t.Helper()
	wire := exec.Command("timeout", "20", "tcpdump", "-c", "10", "-i", "wan", "-n", "-l", "--immediate-mode", "esp or icmp")
	out := &strings.Builder{}
	wire.Stdout = out
	listening, err := wire.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for said := ""; !strings.Contains(said, "listening on"); {
		n, err := listening.Read(buf)
		if err != nil {
			t.Fatal(said, err)
		}
		said += string(buf[:n])
	}
	sh(t, "ping -c 5 -i 0.05 -W 2 "+far)
	if err := wire.Wait(); err != nil {
		t.Errorf("tcpdump: %v", err)
	}
	if esp := strings.Count(out.String(), "ESP("); esp != 10 {
		t.Errorf("five echoes through the tunnel are on the wire as\n%s", out)
	}
}

// during runs a line of shell while packets go through the tunnel, and wants
// none of them lost.
func during(t *testing.T, line string) {
	t.Helper()
	ping := exec.Command("ping", "-q", "-i", "0.02", "-W", "2", far)
	out := &strings.Builder{}
	ping.Stdout, ping.Stderr = out, out
	if err := ping.Start(); err != nil {
		t.Fatal(err)
	}
	sh(t, line)
	if err := ping.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = ping.Wait()
	if !strings.Contains(out.String(), " 0% packet loss") {
		t.Errorf("during %s: %s", line, out)
	}
}
