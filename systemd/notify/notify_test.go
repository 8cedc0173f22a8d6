package notify

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/updown/daemon"
)

// TestService is what a service manager hears.
func TestService(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	s := New()
	hear := func(want string) {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1000)
		n, err := c.Read(b)
		if got := string(b[:n]); err != nil || !strings.HasPrefix(got, want) || !strings.HasSuffix(want, "=") && got != want {
			t.Errorf("heard %q (%v), want %q", got, err, want)
		}
	}
	s.Alive()
	s.Alive() // too soon
	hear("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=30000000")
	s.Ready("1 conn in sync")
	hear("READY=1\nSTATUS=1 conn in sync")
	s.Status("1 conn in sync") // known
	s.Status("2 conns in sync")
	hear("STATUS=2 conns in sync")
	s.alive = time.Time{}
	s.Alive()
	hear("WATCHDOG=1")
	s.Reloading()
	hear("RELOADING=1\nMONOTONIC_USEC=")
	s.Stopping()
	hear("STOPPING=1\nSTATUS=finishing what was begun")
	s.alive = time.Time{}
	s.Alive()
	hear("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=30000000")
	// One that reads nothing keeps nobody waiting for long.
	begin := time.Now()
	for range 100 {
		send("STATUS=")
		if time.Since(begin) > 5*time.Second {
			t.Fatal("a manager that reads nothing stops the daemon")
		}
	}
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", "")
	if every := WatchdogEvery(); every != 1500*time.Millisecond {
		t.Errorf("watchdog every %v", every)
	}
}

func TestLog(t *testing.T) {
	var b bytes.Buffer
	log := OpenLog(&b)
	log(daemon.Message{Priority: daemon.Notice, Conn: "net", Text: "repaired: ip link add"})
	log(daemon.Message{Priority: daemon.Warning, Text: "one\nline\x1b[0m"})
	if got, want := b.String(), "ipsecif: net: repaired: ip link add\nipsecif: warning: one?line?[0m\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	f := fields(daemon.Message{Conn: "net", IfID: 7, Op: "ip link del dev ipsec7"})
	if len(f) != 4 || f["IPSECIF_CONN"] != "net" || f["IPSECIF_IF_ID"] != "7" || f["IPSECIF_OP"] != "ip link del dev ipsec7" {
		t.Error(f)
	}
}
