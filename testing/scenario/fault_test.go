package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"io/fs"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"golang.org/x/sys/unix"
)

// faultConf has every kind of object and of link, in both families.
const faultConf = `
conn dual
	left=192.1.3.209
	leftsubnet=192.0.4.0/24,2001:db8:4::/64
	leftsourceip=192.0.4.1,2001:db8:4::1
	right=192.1.2.45
	rightsubnet=10.4.0.0/16,2001:db8:44::/64
	ipsec-interface=6
	x-ipsecif-escape=peer

conn road
	left=192.1.3.209
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	right=192.1.2.23
	rightsubnet=0.0.0.0/0
	ipsec-interface=1

conn external
	left=192.1.3.209
	leftsubnet=192.0.5.1/32
	leftsourceip=192.0.5.1
	right=192.1.2.46
	rightsubnet=10.5.0.0/16
	ipsec-interface=external
	if_id=7
	x-ipsecif-escape=peer
	x-ipsecif-link-mtu=1400
	x-ipsecif-mss=1300
	x-ipsecif-multicast=yes

conn vti
	left=192.1.3.209
	leftsubnet=192.0.6.0/24
	leftvti=10.255.0.1/30
	right=192.1.2.47
	rightsubnet=10.6.0.0/16
	mark=0x2f/0xffffffff
	vti-interface=vti0
	vti-routing=yes
	x-ipsecif-escape=peer
	x-ipsecif-on-loss=block
`

// faultNames has the names of the conns.
var faultNames = []string{"dual", "external", "road", "vti"}

type mapFS struct{ fstest.MapFS }

func (m mapFS) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(m.MapFS, name) }
func (m mapFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(m.MapFS, name) }

func faultConns(t *testing.T) []conn.Conn {
	f, ds := conn.Load(mapFS{fstest.MapFS{"ipsec.conf": {Data: []byte(faultConf)}}}, "ipsec.conf")
	conns, more := f.Conns()
	if err := errors.Join(ds.Err(), more.Err()); err != nil {
		t.Fatal(err)
	}
	return conns
}

// faultHost is a host with strict reverse path filtering, so that sysctls are
// changed too, and with routes and rules of somebody else in places of the conns.
func faultHost(t *testing.T) *hosts.Host {
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
	for _, link := range []string{"eth0", "default"} {
		mustRun(t, h, "sysctl", "-w", "net.ipv4.conf."+link+".rp_filter=1")
	}
	for _, foreign := range []string{
		"-4 route add 10.4.0.0/16 via 192.1.3.254 proto static",
		"-4 route add prohibit 10.99.0.0/16 table 50",
		"-6 route add blackhole 2001:db8:44::/64 metric 1024 proto static",
		"-4 rule add priority 98 lookup 77 protocol static",
	} {
		mustRun(t, h, "ip", strings.Fields(foreign)...)
	}
	if err := h.WriteFile("/etc/ipsec.conf", []byte(faultConf), 0o644); err != nil {
		t.Fatal(err)
	}
	return h
}

func mustRun(t *testing.T, h *hosts.Host, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, _, err := h.Run(ctx, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustDump(t *testing.T, h *hosts.Host) string {
	t.Helper()
	out, err := dump(h, dumps)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// faulty is the real kernel, but for one operation that fails.
type faulty struct {
	*kernel.Kernel
	at int // counted from 1; 0 for none
}

func (f *faulty) Apply(ops []plan.Op, trace func(plan.Op)) error {
	if f.at == 0 || f.at > len(ops) {
		return f.Kernel.Apply(ops, trace)
	}
	done, fail := ops[:f.at-1], ops[f.at-1]
	if err := f.Kernel.Apply(done, trace); err != nil {
		return err
	}
	f.at = 0
	return &plan.OpError{Op: fail, Err: unix.EIO, Done: done}
}

// TestFaults lets every operation of up fail on the real kernel, then every one
// of down: each time the host is as before.
func TestFaults(t *testing.T) {
	h := faultHost(t)
	dir := t.TempDir()
	conns := faultConns(t)
	fault := func(at int, change func(*updown.Engine) (plan.Plan, error)) (p plan.Plan, err error) {
		doErr := h.Do(func() error {
			k, openErr := kernel.Open()
			if openErr != nil {
				return openErr
			}
			defer k.Close()
			p, err = change(&updown.Engine{Kernel: &faulty{k, at}, Store: claim.Open(dir), Adopt: true, Trace: func(plan.Op) {}})
			return nil
		})
		if doErr != nil {
			t.Fatal(doErr)
		}
		return p, err
	}
	up := func(e *updown.Engine) (plan.Plan, error) { return e.Up(conns) }
	down := func(e *updown.Engine) (plan.Plan, error) { return e.Down(faultNames, nil) }
	for name, change := range map[string]func(*updown.Engine) (plan.Plan, error){"up": up, "down": down} {
		if name == "down" {
			if _, err := fault(0, up); err != nil {
				t.Fatal(err)
			}
		}
		before, claims := mustDump(t, h), stateOf(t, dir)
		for at, ops := 1, 1; at <= ops; at++ {
			p, err := fault(at, change)
			if ops = len(p.Ops); err == nil || !strings.HasSuffix(err.Error(), "input/output error") {
				t.Fatalf("%s: operation %d of %d: %v", name, at, ops, err)
			}
			if after := mustDump(t, h); after != before {
				t.Fatalf("%s: after operation %d (%s) failed:\n%s\nbefore:\n%s", name, at, p.Ops[at-1], after, before)
			}
			if now := stateOf(t, dir); now != claims {
				t.Fatalf("%s: after operation %d failed there are claims %s, were %s", name, at, now, claims)
			}
		}
		if _, err := fault(0, down); err != nil {
			t.Fatal(err)
		}
	}
}

// stateOf returns all that is on disk.
func stateOf(t *testing.T, dir string) string {
	claims, saved, err := claim.Open(dir).All()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(claims, saved)
}

// TestKills kills the process before every operation of up, then of down:
// afterwards the real command line finishes the work, without being told again to
// displace what others made, or takes it back.
func TestKills(t *testing.T) {
	h := faultHost(t)
	bin := os.Getenv("IPSECIF_BIN")
	run := func(verb ...string) string { return mustRunErr(t, h, bin, slices.Concat(verb, faultNames)...) }
	before := mustDump(t, h)
	ups := strings.Count(run("up", "--adopt"), "[#]")
	up := mustDump(t, h)
	downs := strings.Count(run("down"), "[#]")
	check := func(what string, at int, want string) {
		if now := mustDump(t, h); now != want {
			t.Fatalf("%s killed at operation %d:\n%s\nwant:\n%s", what, at, now, want)
		}
	}
	for at := 1; at <= ups; at++ {
		kill(t, h, "up", at)
		if at%2 == 0 {
			run("up")
			mustRun(t, h, bin, "status")
			check("up, which is finished,", at, up)
		}
		run("down")
		check("up, which is taken back,", at, before)
	}
	for at := 1; at <= downs; at++ {
		run("up", "--adopt")
		kill(t, h, "down", at)
		if at%2 == 0 {
			run("up", "--adopt")
			mustRun(t, h, bin, "status")
			check("down, which is taken back,", at, up)
		}
		run("down")
		check("down, which is finished,", at, before)
	}
}

// kill runs a verb in a process that kills itself before an operation.
func kill(t *testing.T, h *hosts.Host, verb string, at int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, _, err := h.Run(ctx, os.Args[0], "-test.run=^TestKillChild$", "-test.count=1", "-kill="+verb, "-kill-at="+strconv.Itoa(at))
	if err == nil {
		t.Fatalf("the child that was to be killed at operation %d of %s lives", at, verb)
	}
}

// mustRunErr returns what a program says on stderr.
func mustRunErr(t *testing.T, h *hosts.Host, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, stderr, err := h.Run(ctx, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return stderr
}
