package hosts_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// TestReach: who can reach whom before any IPsec. The inside networks have no route on the router.
func TestReach(t *testing.T) {
	n := network(t, "east", "west", "north", "road", "neighbour", "inet")
	outside := map[string][]string{
		"east": {"192.1.2.23", "2001:db8:1:2::23"}, "west": {"192.1.2.45", "2001:db8:1:2::45"},
		"north": {"192.1.3.33", "2001:db8:1:3::33"}, "road": {"192.1.3.209", "2001:db8:1:3::209"},
		"neighbour": {"192.1.3.99", "2001:db8:1:3::99"}, "inet": {"198.51.100.10", "2001:db8:64::10"},
		"nic": {"192.1.2.254", "2001:db8:1:3::254", "192.1.3.253", "2001:db8:1:3::253", "198.51.100.254"},
	}
	for from := range outside {
		for to, addrs := range outside {
			for _, a := range addrs {
				if err := n.Host(from).Ping(t.Context(), netip.Addr{}, addr(a)); err != nil {
					t.Errorf("%s is to reach %s: %v", from, to, err)
				}
			}
		}
	}
	err := n.Host("road").Ping(t.Context(), netip.Addr{}, addr("192.0.2.254"))
	if !errors.Is(err, hosts.ErrNoAnswer) {
		t.Errorf("road reaches the inside of east without IPsec: %v", err)
	}
	if err := n.Host("west").Ping(t.Context(), addr("192.0.1.99"), addr("192.1.2.23")); err == nil {
		t.Error("ping from an address that west does not have")
	}
}

// TestAlternativeGateway: road's traffic can leave through the router's second address.
func TestAlternativeGateway(t *testing.T) {
	n := network(t, "road", "inet")
	road := n.Host("road")
	_, _, err := road.Run(t.Context(), "ip", "route", "replace", "default", "via", "192.1.3.253")
	must(t, err)
	c, err := n.Capture("198.51.100")
	must(t, err)
	pingErr := road.Ping(t.Context(), addr("192.1.3.209"), addr("198.51.100.10"))
	packets, err := c.Stop()
	must(t, err)
	must(t, pingErr)
	if got := packets.Count(hosts.ICMP); got != 2 {
		t.Errorf("%d ICMP packets reached the segment of inet, want 2:\n%s", got, packets)
	}
}

// TestPrivate: files, host names, devices and namespaces of a host are its own.
func TestPrivate(t *testing.T) {
	n := network(t, "west", "east")
	west, east := n.Host("west"), n.Host("east")
	for _, path := range []string{"/etc/ipsec.conf", "/etc/swanctl/conf.d/x.conf", "/var/lib/ipsec/x", "/run/x"} {
		must(t, west.WriteFile(path, []byte("west"), 0o600))
		out, _, err := west.Run(t.Context(), "stat", "--format=%a", path)
		if err != nil || strings.TrimSpace(out) != "600" {
			t.Errorf("%s has mode %s, want 600: %v", path, out, err)
		}
		if data, err := east.ReadFile(path); err == nil && string(data) == "west" {
			t.Errorf("%s of west is seen on east", path)
		}
		if data, err := os.ReadFile(path); err == nil && string(data) == "west" {
			t.Errorf("%s of west is seen by the test", path)
		}
	}
	out, _, err := east.Run(t.Context(), "sh", "-c", "hostname; ls /sys/class/net; ip -o link | wc -l")
	must(t, err)
	if want := "east\neth0\neth1\nlo\n3\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if _, stderr, err := east.Run(t.Context(), "sh", "-c", "echo trouble >&2; exit 5"); hosts.ExitCode(err) != 5 || stderr != "trouble\n" ||
		!strings.Contains(err.Error(), "east: sh -c") || !strings.Contains(err.Error(), "trouble") {
		t.Errorf("exit status %d, stderr %q, error %v", hosts.ExitCode(err), stderr, err)
	}
}

// TestDo: sockets opened by Go code inside belong to the host, the caller's thread stays where it is.
func TestDo(t *testing.T) {
	n := network(t, "west", "east")
	var listener net.Listener
	must(t, n.Host("east").Do(func() (err error) {
		listener, err = net.Listen("tcp", "192.1.2.23:80")
		return err
	}))
	defer listener.Close()
	go func() {
		if client, err := listener.Accept(); err == nil {
			client.Close()
		}
	}()
	dial := func() error {
		client, err := net.DialTimeout("tcp", "192.1.2.23:80", 2*time.Second)
		if err == nil {
			client.Close()
		}
		return err
	}
	if err := n.Host("west").Do(dial); err != nil {
		t.Errorf("from west: %v", err)
	}
	if err := dial(); err == nil {
		t.Error("the test itself can reach east: it is in a host's namespace")
	}
	broken := errors.New("broken")
	if err := n.Host("west").Do(func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// TestCaptureLosesNothing: every one of many packets is seen, and once.
func TestCaptureLosesNothing(t *testing.T) {
	const count = 50_000
	n := network(t, "road", "neighbour")
	must(t, n.Host("neighbour").Do(func() error { // a port that is open, so that no ICMP errors come back
		receiver, err := net.ListenPacket("udp", "192.1.3.99:9")
		if err == nil {
			t.Cleanup(func() { receiver.Close() })
		}
		return err
	}))
	c, err := n.Capture("192.1.3")
	must(t, err)
	must(t, n.Host("road").Do(func() error {
		socket, err := net.Dial("udp", "192.1.3.99:9")
		if err != nil {
			return err
		}
		defer socket.Close()
		payload := make([]byte, 1400)
		for range count {
			if _, err := socket.Write(payload); err != nil {
				return err
			}
		}
		return nil
	}))
	packets, err := c.Stop()
	must(t, err)
	sent := packets.Only(func(p hosts.Packet) bool { return p.Proto == 17 })
	if len(sent) != count {
		t.Errorf("%d packets were captured of %d; all packets, the first of them:\n%s", len(sent), count, packets[:min(20, len(packets))])
	}
	for i, p := range sent {
		if p.Kind != hosts.Other || p.Len != 1442 || p.Src != addr("192.1.3.209") || p.Dst != addr("192.1.3.99") {
			t.Fatalf("packet %d: %+v", i, p)
		}
	}
}

func TestCaptureUnknownSegment(t *testing.T) {
	n := network(t, "road")
	if _, err := n.Capture("10.0.0"); err == nil || !strings.Contains(err.Error(), "10.0.0") {
		t.Errorf("got %v, want an error that names the segment", err)
	}
}

// TestClose: nothing that was started on a host outlives the network, not even what has left its process group.
func TestClose(t *testing.T) {
	hosts.Require(t)
	n, err := hosts.New(t.TempDir(), "west")
	must(t, err)
	p, err := n.Host("west").Start("sh", "-c", "setsid sleep 1000 & echo $!; wait")
	must(t, err)
	child := 0
	for range 500 {
		if child, err = strconv.Atoi(strings.TrimSpace(p.Log())); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	must(t, err)
	must(t, n.Close())
	for _, pid := range []int{p.Pid(), child} {
		if cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); err == nil && len(cmdline) > 0 {
			t.Errorf("process %d is still there: %q", pid, cmdline)
		}
	}
}

func TestNewUnknownHost(t *testing.T) {
	if _, err := hosts.New(t.TempDir(), "sunset"); err == nil || !strings.Contains(err.Error(), `no host "sunset"`) {
		t.Errorf("got %v", err)
	}
}

// TestRequire: outside the lab a guest test is skipped, or fails when the lab is required.
func TestRequire(t *testing.T) {
	for _, test := range []struct {
		require, want string
		fails         bool
	}{{"", "SKIP: TestClose", false}, {"xfrmi,lab", "FAIL: TestClose", true}, {"laboratory", "SKIP: TestClose", false}} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestClose$", "-test.v")
		cmd.Env = []string{"IPSECIF_TEST_REQUIRE=" + test.require, "IPSECIF_LAB=", "TMPDIR=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if (err != nil) != test.fails || !strings.Contains(string(out), test.want) || !strings.Contains(string(out), `go test -exec "/tmp/lab exec"`) {
			t.Errorf("IPSECIF_TEST_REQUIRE=%q: %v\n%s", test.require, err, out)
		}
	}
}
