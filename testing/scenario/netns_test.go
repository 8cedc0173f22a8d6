package scenario_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/rogpeppe/go-internal/testscript"
)

// netns HOST NAME FILE is snapshot for a network namespace that `ip netns` has
// made on a host.
func netns(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 3, "netns HOST NAME FILE")
	var commands [][]string
	for _, c := range dumps {
		commands = append(commands, append([]string{"ip", "netns", "exec", words[1]}, c...))
	}
	ts.Check(os.WriteFile(ts.MkAbs(words[2]), []byte(of(ts).dump(ts, words[0], commands)), 0o644))
}

// shell HOST FILE runs a printed plan as a script.
func shell(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "shell HOST FILE")
	ts.Check(run(ts, []string{words[0], "sh", "-e", "-c", ts.ReadFile(words[1])}))
}

const goneConf = `config setup
	logtime=no
	ipsec-interface-managed=no

conn road
	left=192.1.3.209
	leftid=@road
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	leftupdown=%disabled
	right=192.1.2.23
	rightid=@east
	rightsubnet=192.0.2.254/32
	rightupdown=%disabled
	authby=secret
	ikev2=insist
	auto=add
	ipsec-interface=1
`

// TestNetnsGone deletes network namespaces in every order while SAs are up and
// have been used: no device may stay, and the kernel may not wait for one.
func TestNetnsGone(t *testing.T) {
	hosts.Require(t)
	if os.Getenv("IPSECIF_BIN") == "" {
		t.Fatal("IPSECIF_BIN is not set")
	}
	// The kernel says that it waits for a device after this time.
	if err := os.WriteFile("/proc/sys/net/core/netdev_unregister_timeout_secs", []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	ipsecif := os.Getenv("IPSECIF_BIN")
	for name, gone := range map[string]func(t *testing.T, road *hosts.Host) (after func()){
		"namespace first": func(t *testing.T, road *hosts.Host) func() {
			mustRun(t, road, "ip", "netns", "del", "red")
			mustRun(t, road, ipsecif, "down", "road")
			return func() {}
		},
		"conn first": func(t *testing.T, road *hosts.Host) func() {
			mustRun(t, road, ipsecif, "down", "road")
			if links := mustRun(t, road, "ip", "-n", "red", "link", "show"); strings.Contains(links, "ipsec1") {
				t.Errorf("left in red:\n%s", links)
			}
			mustRun(t, road, "ip", "netns", "del", "red")
			return func() {}
		},
		"host first": hostFirst,
	} {
		t.Run(name, func(t *testing.T) {
			n, err := hosts.New(t.TempDir(), "road", "east")
			if err != nil {
				t.Fatal(err)
			}
			after := func() {}
			func() {
				defer func() {
					if err := n.Close(); err != nil {
						t.Error(err)
					}
				}()
				after = gone(t, tunnelFromRed(t, n))
			}()
			after()
			workedOff(t)
			log, err := exec.Command("dmesg").CombinedOutput()
			if err != nil || strings.Contains(string(log), "unregister_netdevice: waiting") {
				t.Errorf("the kernel log (%v) has\n%s", err, log)
			}
		})
	}
}

// tunnelFromRed brings a tunnel up whose interface is in the network namespace
// red of a host, and uses it.
func tunnelFromRed(t *testing.T, n *hosts.Network) *hosts.Host {
	t.Helper()
	road, east := n.Host("road"), n.Host("east")
	mustRun(t, road, "ip", "netns", "add", "red")
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	for _, h := range []*hosts.Host{road, east} {
		conf := goneConf
		if h == road {
			conf += "\tx-ipsecif-netns=red\n"
		}
		if err := h.WriteFile("/etc/ipsec.conf", []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := h.WriteFile("/etc/ipsec.secrets", []byte(secrets), 0o600); err != nil {
			t.Fatal(err)
		}
		mustRun(t, h, os.Getenv("IPSECIF_BIN"), "up", "road")
	}
	for _, h := range []*hosts.Host{east, road} {
		if err := h.StartPluto(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := road.Whack(ctx, "--initiate", "--name", "road"); err != nil {
		t.Fatal(err)
	}
	mustRun(t, road, "ip", "netns", "exec", "red", "ping", "-c", "2", "-W", "5", "192.0.2.254")
	return road
}

// hostFirst keeps the namespace of the interface when the host with the policies
// and its IKE daemon ends. The interface has to end with them.
func hostFirst(t *testing.T, road *hosts.Host) (after func()) {
	var red *os.File
	if err := road.Do(func() (err error) {
		red, err = os.Open("/run/netns/red")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	links := func() string {
		cmd := exec.Command("nsenter", "--net=/proc/self/fd/0", "ip", "link", "show")
		cmd.Stdin = red
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if !strings.Contains(links(), "ipsec1") {
		t.Fatalf("no interface in\n%s", links())
	}
	return func() {
		defer red.Close()
		for end := time.Now().Add(patience); strings.Contains(links(), "ipsec1"); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the interface outlives its policies:\n%s", links())
			}
		}
	}
}

// workedOff waits until the kernel has taken down all network namespaces that
// have been deleted, which it does one after the other: until one more is gone.
func workedOff(t *testing.T) {
	t.Helper()
	const name = "worked-off"
	for _, words := range []string{"netns add " + name, "link add " + name + " type veth peer name peer netns " + name, "netns del " + name} {
		if out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", words, err, out)
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join("/sys/class/net", name)); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the kernel does not get done with deleted network namespaces")
		}
	}
}
