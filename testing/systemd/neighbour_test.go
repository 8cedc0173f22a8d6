package systemd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// Conns of every kind that systemd-networkd could harm: default routes of both
// families, with rules and guards; and routes that have the address of the
// interface to the provider as their source, in a table and in main.
const neighbourConf = `conn road
	left=192.1.3.33
	leftsubnet=10.9.0.7/32
	leftsourceip=10.9.0.7
	right=192.1.2.23
	rightsubnet=0.0.0.0/0
	mark-out=0x100/0xf00
	ipsec-interface=1

conn road6
	left=2001:db8:1:3::34
	leftsubnet=2001:db8:9::7/128
	leftsourceip=2001:db8:9::7
	right=2001:db8:1:2::23
	rightsubnet=::/0
	mark-out=0x100/0xf00
	ipsec-interface=2

conn host
	left=192.1.3.33
	right=192.1.2.45
	mark-out=0x100/0xf00
	ipsec-interface=3

conn net
	left=192.1.3.33
	right=192.1.2.23
	rightsubnet=192.0.2.0/24
	on-loss=block
	mark-out=0x100/0xf00
	ipsec-interface=4
`

// flow is traffic through a tunnel, with SAs that nobody has negotiated.
type flow struct {
	ifID                int
	ours, peer          string // outer addresses
	source, destination string // of the packets
	net                 string // of those that the tunnel is for, destination among them
}

var flows = []flow{
	{1, "192.1.3.33", "192.1.2.23", "10.9.0.7", "198.51.100.10", "0.0.0.0/0"},
	{2, "2001:db8:1:3::34", "2001:db8:1:2::23", "2001:db8:9::7", "2001:db8:64::10", "::/0"},
	{3, "192.1.3.33", "192.1.2.45", "192.1.3.33", "192.1.2.45", "192.1.2.45/32"},
	{4, "192.1.3.33", "192.1.2.23", "192.1.3.33", "192.0.2.10", "192.0.2.0/24"},
}

// secure makes the SAs and SPs of a flow, and the addresses of its other end.
func (f flow) secure(t *testing.T) {
	t.Helper()
	const key = "aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128"
	sa := func(ip, src, dst, more string) {
		run(t, fmt.Sprintf("%s xfrm state add src %s dst %s proto esp spi 0x%d reqid %d mode tunnel %s %s", ip, src, dst, 1000+f.ifID, f.ifID, key, more))
	}
	sp := func(ip, dir, src, dst, from, to, more string) {
		run(t, fmt.Sprintf("%s xfrm policy add src %s dst %s dir %s tmpl src %s dst %s proto esp reqid %d mode tunnel %s", ip, src, dst, dir, from, to, f.ifID, more))
	}
	// The last words of a policy come before its template.
	policy := func(dir, src, dst, from, to string) {
		run(t, fmt.Sprintf("ip xfrm policy add src %s dst %s dir %s if_id %d tmpl src %s dst %s proto esp reqid %d mode tunnel", src, dst, dir, f.ifID, from, to, f.ifID))
	}
	id := fmt.Sprintf("if_id %d", f.ifID)
	sa("ip", f.ours, f.peer, id+" output-mark 0x100 mask 0xf00")
	sa("ip", f.peer, f.ours, id)
	policy("out", f.source, f.net, f.ours, f.peer)
	policy("in", f.net, f.source, f.peer, f.ours)
	for _, address := range []string{f.peer, f.destination} {
		run(t, "ip -n isp addr replace "+address+" dev lo")
	}
	sa("ip -n isp", f.ours, f.peer, "")
	sa("ip -n isp", f.peer, f.ours, "")
	sp("ip -n isp", "in", f.source, f.net, f.ours, f.peer, "")
	sp("ip -n isp", "out", f.net, f.source, f.peer, f.ours, "")
}

// pings is a flow of packets and their answers.
type pings struct {
	flow
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (p *pings) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// answers returns when they came, in seconds.
func (p *pings) answers(t *testing.T) []float64 {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var times []float64
	for _, m := range answered.FindAllStringSubmatch(p.out.String(), -1) {
		at, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at)
	}
	return times
}

// more waits for some more answers.
func (p *pings) more(t *testing.T, n int) {
	t.Helper()
	had := len(p.answers(t))
	for end := time.Now().Add(20 * time.Second); len(p.answers(t)) < had+n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not answer; the way there is %s", p.destination, run(t, "ip route get "+p.destination+" from "+p.source))
		}
	}
}

func (f flow) ping(t *testing.T) *pings {
	t.Helper()
	p := &pings{flow: f, cmd: exec.Command("ping", "-n", "-D", "-i", "0.05", "-I", f.source, f.destination)}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

var answered = regexp.MustCompile(`(?m)^\[([0-9.]+)\] .*bytes from`)

// end ends the pings and returns the longest time without an answer.
func (p *pings) end(t *testing.T) (gap time.Duration) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // with status 1 if no answer came
	times := p.answers(t)
	for i := 1; i < len(times); i++ {
		gap = max(gap, time.Duration((times[i]-times[i-1])*1e9))
	}
	return gap
}

// capture is what leaves by an interface.
type capture struct {
	cmd  *exec.Cmd
	file string
}

func startCapture(t *testing.T, link string) *capture {
	t.Helper()
	c := &capture{file: filepath.Join(t.TempDir(), "out.pcap")}
	c.cmd = exec.Command("tcpdump", "-n", "-U", "--immediate-mode", "-Q", "out", "-i", link, "-w", c.file)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if info, err := os.Stat(c.file); err == nil && info.Size() > 0 {
			return c
		}
		if time.Now().After(end) {
			t.Fatal("tcpdump does not start")
		}
	}
}

// end returns the packets that match a filter, and how many do not.
func (c *capture) end(t *testing.T, filter string) (found string, others int) {
	t.Helper()
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	read := func(filter string) string {
		out, err := exec.Command("tcpdump", "-n", "-r", c.file, filter).Output()
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		return string(out)
	}
	return read(filter), strings.Count(read("esp"), "\n")
}

// tunnels brings the conns up beside the interface to the provider.
func tunnels(t *testing.T) {
	t.Helper()
	gateway(t)
	run(t, "ip -n isp addr add 192.1.3.254/24 dev eth0")
	run(t, "ip -n isp addr add 2001:db8:1:3::fe/64 dev eth0 nodad")
	run(t, "ip -n isp route add default via 192.1.3.33")
	run(t, "ip -n isp route add default via 2001:db8:1:3::34")
	configure(t, neighbourConf)
	for _, f := range flows {
		f.secure(t)
	}
	t.Cleanup(func() {
		run(t, "ip xfrm state flush")
		run(t, "ip xfrm policy flush")
	})
	must(t, "up", "--all")
	inSync(t, "up")
	wire := startCapture(t, "under")
	run(t, "ping -n -c 1 -W 5 192.1.3.254")
	run(t, "ping -n -c 1 -W 5 2001:db8:1:3::fe")
	if clear, _ := wire.end(t, inTheClear); strings.Count(clear, "\n") != 2 {
		t.Fatalf("of packets to the provider, which no tunnel is for, were seen:\n%s", clear)
	}
}

const online = "/usr/lib/systemd/systemd-networkd-wait-online -i under:routable --timeout=30"

// trouble is what systemd-networkd is made to do.
type trouble struct {
	name     string
	commands []string
	limit    time.Duration // of an interruption, 0 where the provider itself is out of reach
	// loses says that the address of the interface to the provider goes for a
	// moment, and with it, by the kernel, the routes of main that have it as their
	// source.
	loses bool
}

// meet does it while packets flow. A tunnel that loses its route is closed until
// it is repaired; the others go on.
func (tr trouble) meet(t *testing.T) {
	through := flows
	if tr.loses {
		through = flows[:len(flows)-1]
	}
	disturb(t, through, tr.limit, func() {
		for _, command := range append(tr.commands, online) {
			run(t, command)
		}
	})
	if tr.loses {
		const want = "missing  net  expected: ip -4 route add 192.0.2.0/24 dev ipsec4 table main src 192.1.3.33 proto 50; there is: nothing\n"
		if out, _, _ := ipsecif(t, "status", "--drift"); out != want {
			t.Errorf("drift is\n%swant\n%s", out, want)
		}
		wire := startCapture(t, "under")
		if out, err := exec.Command("ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", "192.0.2.10").CombinedOutput(); err == nil {
			t.Errorf("the other end answers:\n%s", out)
		}
		if clear, _ := wire.end(t, inTheClear); clear != "" {
			t.Errorf("in the clear:\n%s", clear)
		}
		must(t, "up", "net")
		disturb(t, flows, time.Second, func() {})
	}
	inSync(t, tr.name)
}

// TestNeighbour has traffic in tunnels of ipsecif while systemd-networkd, with
// its default settings, configures the interface below them.
func TestNeighbour(t *testing.T) {
	hosts.Require(t)
	tunnels(t)
	for _, tr := range []trouble{
		{"reload", []string{"networkctl reload"}, time.Second, false},
		{"reload of a changed file", []string{"touch " + filepath.Join(networkDir, "10-under.network"), "networkctl reload"}, time.Second, false},
		{"reconfigure", []string{"networkctl reconfigure under"}, time.Second, false},
		{"restart", []string{"systemctl restart systemd-networkd"}, time.Second, false},
		{"link loss", []string{"ip link set under down", "ip link set under up"}, 0, true},
	} {
		t.Run(tr.name, tr.meet)
	}
	must(t, "down", "--all")
}

// dhcpServer has the one address that the conns know.
const dhcpServer = "start 192.1.3.33\nend 192.1.3.33\ninterface eth0\nlease_file /run/udhcpd.leases\npidfile /run/udhcpd.pid\n" +
	"option router 192.1.3.254\noption subnet 255.255.255.0\noption lease 600\n"

// TestNeighbourDHCP has the address by DHCP, and systemd-networkd takes it away
// for a moment when it configures the interface anew.
func TestNeighbourDHCP(t *testing.T) {
	hosts.Require(t)
	tunnels(t)
	if err := errors.Join(os.WriteFile("/run/udhcpd.conf", []byte(dhcpServer), 0o644), os.WriteFile("/run/udhcpd.leases", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("ip", "netns", "exec", "isp", "busybox", "udhcpd", "-f", "/run/udhcpd.conf")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	file := filepath.Join(networkDir, "10-under.network")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, bytes.Replace(text, []byte("Address=192.1.3.33/24"), []byte("DHCP=ipv4"), 1), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, "networkctl reload")
	run(t, online)
	must(t, "up", "--all")
	inSync(t, "the lease")
	for _, tr := range []trouble{
		{"reconfigure", []string{"networkctl reconfigure under"}, time.Second, true},
		{"restart", []string{"systemctl restart systemd-networkd"}, time.Second, false},
		{"renew", []string{"networkctl renew under"}, time.Second, false},
	} {
		t.Run(tr.name, tr.meet)
	}
	must(t, "down", "--all")
}

// inSync wants nothing to differ.
func inSync(t *testing.T, after string) {
	t.Helper()
	if out, stderr, err := ipsecif(t, "status", "--drift"); err != nil || out != "" {
		t.Errorf("after %s: %v\n%s%s", after, err, out, stderr)
	}
}

// inTheClear are questions of ping(8) that have left without protection, in either
// family.
const inTheClear = "icmp[0] == 8 or (icmp6 and ip6[40] == 128)"

// disturb does something while packets flow. None may leave in the clear; with a
// limit, no flow may be interrupted for longer than that; and all go on.
func disturb(t *testing.T, flows []flow, limit time.Duration, do func()) {
	t.Helper()
	wire := startCapture(t, "under")
	var all []*pings
	for _, f := range flows {
		all = append(all, f.ping(t))
	}
	const some = 5
	for _, p := range all {
		p.more(t, some)
	}
	do()
	for _, p := range all {
		p.more(t, some)
	}
	for _, p := range all {
		gap := p.end(t)
		t.Logf("%s: the longest time without an answer was %v", p.destination, gap)
		if limit > 0 && gap > limit {
			t.Errorf("%s: the longest time without an answer was %v", p.destination, gap)
		}
	}
	clear, esp := wire.end(t, inTheClear)
	if clear != "" || esp == 0 {
		t.Errorf("%d packets of ESP, and in the clear:\n%s", esp, clear)
	}
}
