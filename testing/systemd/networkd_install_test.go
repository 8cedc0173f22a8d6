package systemd

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// tunnel1 and tunnel2 are two conns on one interface, and tunnel3 another.
const (
	tunnel1 = "conn one\n\tleft=192.1.3.33\n\tleftsubnet=192.0.3.0/24\n\tright=192.1.2.23\n\trightsubnet=192.0.2.0/24\n\tipsec-interface=1\n"
	tunnel2 = "conn two\n\tleft=192.1.3.33\n\tleftsubnet=192.0.3.0/24\n\tright=192.1.2.23\n\trightsubnet=192.0.5.0/24\n\tipsec-interface=1\n"
	tunnel3 = "conn three\n\tleft=192.1.3.33\n\tleftsubnet=192.0.3.0/24\n\tright=192.1.2.45\n\trightsubnet=192.0.1.0/24\n\tipsec-interface=3\n"
)

func configure(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile("/etc/ipsecif.conf", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// files returns the names and texts of what is in the directory of networkd.
func files(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.Walk(networkDir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// unchanged wants a command to fail with a text, and to leave everything as it was.
func unchanged(t *testing.T, want string, args ...string) {
	t.Helper()
	before, texts := snapshot(t), files(t)
	out, stderr, err := ipsecif(t, args...)
	if err == nil || !strings.Contains(stderr, want) {
		t.Errorf("ipsecif %s: %v\n%s%s\nwant %s", strings.Join(args, " "), err, out, stderr, want)
	}
	if d := differ(before, snapshot(t)); len(d) > 0 {
		t.Errorf("ipsecif %s changed:\n%s", strings.Join(args, " "), strings.Join(d, "\n"))
	}
	if d := differ(texts, files(t)); len(d) > 0 {
		t.Errorf("ipsecif %s changed the files:\n%s", strings.Join(args, " "), strings.Join(d, "\n"))
	}
}

// TestNetworkdChanges changes what is installed: conns that share an interface,
// the if_id and the name of one, and what somebody deletes.
func TestNetworkdChanges(t *testing.T) {
	hosts.Require(t)
	gateway(t)
	before := snapshot(t)
	has := func(want string, commands ...string) {
		t.Helper()
		for _, command := range commands {
			if got := run(t, command); !strings.Contains(got, want) {
				t.Errorf("%s has no %q:\n%s", command, want, got)
			}
		}
	}
	hasNot := func(text, command string) {
		t.Helper()
		if got := run(t, command); strings.Contains(got, text) {
			t.Errorf("%s has %q:\n%s", command, text, got)
		}
	}
	configure(t, tunnel1+tunnel2+tunnel3)
	must(t, "networkd", "install", "one", "three")
	hasNot("192.0.5.0", "ip route")
	must(t, "networkd", "install", "two")
	has("192.0.2.0/24 dev ipsec1 proto static", "ip route")
	has("192.0.5.0/24 dev ipsec1 proto static", "ip route")
	must(t, "networkd", "remove", "one")
	hasNot("192.0.2.0", "ip route")
	has("192.0.5.0/24 dev ipsec1 proto static", "ip route")

	configure(t, tunnel2+strings.Replace(tunnel3, "ipsec-interface=3", "ipsec-interface=4", 1))
	must(t, "networkd", "install", "three")
	has("if_id 0x4", "ip -d link show ipsec4")
	hasNot("ipsec3", "ip link")
	configure(t, tunnel2+strings.Replace(tunnel3, "ipsec-interface=3", "ipsec-interface=4\n\tlink-name=west", 1))
	must(t, "networkd", "install", "three")
	has("if_id 0x4", "ip -d link show west")
	configure(t, tunnel2+strings.Replace(tunnel3, "ipsec-interface=3", "ipsec-interface=5\n\tlink-name=west", 1))
	must(t, "networkd", "install", "three")
	has("if_id 0x5", "ip -d link show west")
	has("192.0.1.0/24 dev west proto static", "ip route")

	run(t, "ip link del west")
	run(t, "ip route del 192.0.5.0/24 dev ipsec1")
	must(t, "networkd", "install", "--all")
	has("192.0.1.0/24 dev west proto static", "ip route")
	has("192.0.5.0/24 dev ipsec1 proto static", "ip route")
	if out, _ := must(t, "--json", "networkd", "install", "--all"); !strings.Contains(out, `"written": []`) {
		t.Error(out)
	}
	configure(t, tunnel1)
	must(t, "networkd", "remove", "two", "three")
	if d := differ(before, snapshot(t)); len(d) > 0 {
		t.Errorf("left:\n%s", strings.Join(d, "\n"))
	}
}

// TestNetworkdOffload binds an interface to the device that ESP leaves by, with
// strict reverse path filtering there.
func TestNetworkdOffload(t *testing.T) {
	hosts.Require(t)
	gateway(t)
	run(t, "sysctl -w net.ipv4.conf.default.rp_filter=1 net.ipv4.conf.under.rp_filter=1")
	defer run(t, "sysctl -w net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.under.rp_filter=0")
	configure(t, "conn road\n\tleft=192.1.3.33\n\tleftsubnet=10.9.0.7/32\n\tleftsourceip=10.9.0.7\n\tright=192.1.2.23\n\trightsubnet=0.0.0.0/0\n"+
		"\tnic-offload=crypto\n\tmark-out=0x100/0xf00\n\tipsec-interface=1\n")
	before := snapshot(t)
	must(t, "networkd", "install", "road")
	if got := run(t, "ip link show ipsec1"); !strings.Contains(got, "ipsec1@under") {
		t.Error(got)
	}
	must(t, "networkd", "remove", "road")
	if d := differ(before, snapshot(t)); len(d) > 0 {
		t.Errorf("left:\n%s", strings.Join(d, "\n"))
	}
	roundTrip(t, "sysctl -w net.ipv4.conf.under.rp_filter=2\n")
}

// TestNetworkdRefusals is what is in the way, and networkd that does not get
// there.
func TestNetworkdRefusals(t *testing.T) {
	hosts.Require(t)
	gateway(t)
	configure(t, tunnel1+tunnel2+tunnel3)
	refused := func(want string, args ...string) {
		t.Helper()
		unchanged(t, want, append([]string{"networkd"}, args...)...)
	}
	file := func(name, text string) func() {
		t.Helper()
		path := filepath.Join(networkDir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
	}
	refused(`/etc/systemd/network has no file of conn "one"`, "remove", "one")
	remove := file("50-ipsecif-ipsec1.network", "[Match]\nName=ipsec1\n")
	refused("50-ipsecif-ipsec1.network exists, and does not begin as the files of ipsecif do; rename or delete it", "install", "one")
	remove()
	remove = file("40-all.network", "[Match]\nName=ipsec*\n")
	refused("systemd-networkd takes /etc/systemd/network/40-all.network for the interface ipsec1, which comes before /etc/systemd/network/50-ipsecif-ipsec1.network; exclude the interface there", "install", "one")
	remove()
	remove = file("40-none.network", "[Match]\nName=ipsec*\n[Link]\nUnmanaged=yes\n")
	refused("systemd-networkd leaves the interface ipsec1 alone: perhaps by a file with Unmanaged= that comes before /etc/systemd/network/50-ipsecif-ipsec1.network", "install", "one")
	remove()
	run(t, "networkctl reload")

	must(t, "up", "one")
	refused("the interface ipsec1 is ipsecif's own; `ipsecif down` its conns first", "install", "one")
	must(t, "down", "one")
	run(t, "ip link add ipsec1 type xfrm if_id 1")
	refused("there is an interface ipsec1 that systemd-networkd has not made of a file of ipsecif", "install", "one", "three")
	run(t, "ip link set ipsec1 name other")
	refused("if_id 1 of ipsec1 is that of the interface other", "install", "three", "one")
	run(t, "ip link del other")
	run(t, "ip route add 192.0.2.0/24 via 192.1.3.1")
	refused("192.0.2.0/24 via 192.1.3.1 dev under", "install", "one", "three")
	run(t, "ip route del 192.0.2.0/24")

	must(t, "networkd", "install", "one", "two")
	configure(t, tunnel1)
	refused(`no conn "two"`, "install", "one")
	refused(`no conn "two"`, "remove", "one")
	must(t, "networkd", "remove", "one", "two")

	stop(t, "systemd-networkd.socket", "systemd-networkd.service")
	refused("systemd-networkd does not run: DescribeLink of org.freedesktop.network1: ", "install", "one")
	run(t, "systemctl start systemd-networkd.socket systemd-networkd.service")
	run(t, "systemctl kill --signal=STOP systemd-networkd")
	refused("no answer in time", "install", "one")
	run(t, "systemctl kill --signal=CONT systemd-networkd")
}

// TestNetworkdInterrupted ends an install that waits for an interface which the
// kernel refuses to make.
func TestNetworkdInterrupted(t *testing.T) {
	hosts.Require(t)
	gateway(t)
	configure(t, tunnel1+tunnel3)
	must(t, "networkd", "install", "three")
	run(t, "ip link add other type xfrm if_id 1")
	run(t, "ip link set other netns isp")
	before, texts := snapshot(t), files(t)
	var stderr bytes.Buffer
	cmd := exec.Command(os.Getenv("IPSECIF_BIN"), "networkd", "install", "--all")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); len(files(t)) != len(texts)+2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no files are written")
		}
	}
	begin := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if took := time.Since(begin); err == nil || !strings.Contains(stderr.String(), "interrupt") || took > 10*time.Second {
		t.Errorf("%v after %v\n%s", err, took, stderr.String())
	}
	if d := differ(before, snapshot(t)); len(d) > 0 {
		t.Errorf("changed:\n%s", strings.Join(d, "\n"))
	}
	if d := differ(texts, files(t)); len(d) > 0 {
		t.Errorf("changed are the files:\n%s", strings.Join(d, "\n"))
	}
	run(t, "ip -n isp link del other")
	must(t, "networkd", "install", "--all")
}

func stop(t *testing.T, units ...string) {
	t.Helper()
	out, err := exec.Command("systemctl", append([]string{"stop"}, units...)...).CombinedOutput()
	if err != nil {
		t.Fatal(errors.Join(err, errors.New(string(out))))
	}
}
