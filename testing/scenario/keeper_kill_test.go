package scenario_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// keptConf has two configurations, between which a daemon is killed: conns go, come
// and change, and with them what they share and settings of the host.
var keptConf = []string{`
conn net
	left=192.1.3.209
	leftsubnet=192.0.4.0/24,2001:db8:4::/64
	leftsourceip=192.0.4.1,2001:db8:4::1
	right=192.1.2.45
	rightsubnet=10.4.0.0/16,2001:db8:44::/64
	ipsec-interface=6
	x-ipsecif-escape=peer
	x-ipsecif-mss=1300
	auto=add

conn road
	left=192.1.3.209
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	right=192.1.2.23
	rightsubnet=0.0.0.0/0
	ipsec-interface=1
	auto=add
`, `
conn net
	left=192.1.3.209
	leftsubnet=192.0.4.0/24
	leftsourceip=192.0.4.1
	right=192.1.2.45
	rightsubnet=10.4.0.0/16,10.5.0.0/16
	ipsec-interface=6
	x-ipsecif-escape=peer
	auto=add

conn external
	left=192.1.3.209
	leftsubnet=192.0.5.1/32
	leftsourceip=192.0.5.1
	right=192.1.2.46
	rightsubnet=10.6.0.0/16
	ipsec-interface=external
	if_id=7
	x-ipsecif-escape=peer
	auto=add
`}

// breakages are what somebody else does meanwhile; not all of them succeed.
var breakages = []string{
	"ip link del ipsec6", "ip link del ipsec1", "ip link set ipsec6 down", "ip -4 address flush dev ipsec6", "ip -4 route flush table 50",
	"ip -4 rule del priority 98", "ip -4 rule del priority 97", "ip -4 route del 10.4.0.0/16", "ip -6 route flush dev ipsec6 proto 50", "nft flush ruleset",
	"sysctl -q -w net.ipv4.conf.eth0.rp_filter=1", "ip link del ipsec0",
}

// TestKeeperKilled kills a daemon at random times while the host and the
// configuration change, and some daemons while they start: the next one leads to
// what the configuration asks for, each time.
func TestKeeperKilled(t *testing.T) {
	const times = 50
	hosts.Require(t)
	n, err := hosts.New(t.TempDir(), "road")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	h := n.Host("road")
	mustRun(t, h, "sysctl", "-q", "-w", "net.ipv4.conf.eth0.rp_filter=1")
	s := &scenario{}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	start := func() *keeper {
		t.Helper()
		k, err := s.startKeeper(h, filepath.Join(t.TempDir(), "notify"))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	configure := func(version int) {
		t.Helper()
		if err := h.WriteFile("/etc/.ipsecif.conf", []byte(keptConf[version]), 0o644); err != nil {
			t.Fatal(err)
		}
		mustRun(t, h, "mv", "/etc/.ipsecif.conf", "/etc/ipsecif.conf")
	}
	var want [2]string
	for version := range want {
		configure(version)
		k := start()
		want[version] = mustDump(t, h)
		if err := k.process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range times {
		version := i % 2
		k := start()
		configure(version)
		for range 1 + random.IntN(4) {
			disturb(h, breakages[random.IntN(len(breakages))])
		}
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		if err := k.process.Kill(); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 { // another one dies while it starts
			p, err := h.Start("env", os.Getenv("IPSECIF_BIN"), "daemon")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		k = start()
		if got := mustDump(t, h); got != want[version] {
			t.Fatalf("seed %d, kill %d: too much (+) or missing (-):\n%s\nthe log:\n%s", seed, i, difference(got, want[version]), k.process.Log())
		}
		mustRun(t, h, os.Getenv("IPSECIF_BIN"), "status")
		if err := k.process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
}

// disturb runs a command that may fail.
func disturb(h *hosts.Host, command string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	words := strings.Fields(command)
	_, _, _ = h.Run(ctx, words[0], words[1:]...)
}

// difference returns the lines that only one of two texts has.
func difference(got, want string) string {
	var all []string
	for _, side := range []struct{ sign, a, b string }{{"+", got, want}, {"-", want, got}} {
		has := "\n" + side.b
		for line := range strings.Lines(side.a) {
			if !strings.Contains(has, "\n"+line) {
				all = append(all, side.sign+line)
			}
		}
	}
	return strings.Join(all, "")
}
