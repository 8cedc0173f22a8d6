package scenario_test

import (
	"context"
	"os"
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

// faultConf has a conn of every kind of object.
const faultConf = `
conn road
	left=192.1.3.209
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	right=192.1.2.23
	rightsubnet=0.0.0.0/0
	ipsec-interface=1
`

// faultOps is how many operations the conn takes; the tests fail when there
// are more, so none is left out.
const faultOps = 13

type mapFS struct{ fstest.MapFS }

func (m mapFS) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(m.MapFS, name) }
func (m mapFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(m.MapFS, name) }

func faultConns(t *testing.T) []conn.Conn {
	f, ds := conn.Load(mapFS{fstest.MapFS{"ipsec.conf": {Data: []byte(faultConf)}}}, "ipsec.conf")
	conns, more := f.Conns()
	if len(ds)+len(more) > 0 || len(conns) != 1 {
		t.Fatal(ds, more)
	}
	return conns
}

// faultHost is a host with strict reverse path filtering, so that sysctls are
// changed too.
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
	fail := ops[f.at-1]
	if err := f.Kernel.Apply(ops[:f.at-1], trace); err != nil {
		return err
	}
	f.at = 0
	return &plan.OpError{Op: fail, Err: unix.EIO}
}

// TestFaults lets every operation of up fail on the real kernel: each time the
// host is as before.
func TestFaults(t *testing.T) {
	h := faultHost(t)
	before := mustDump(t, h)
	for at := 1; at <= faultOps; at++ {
		conns, dir := faultConns(t), t.TempDir()
		var upErr error
		var applied plan.Plan
		if err := h.Do(func() error {
			k, err := kernel.Open()
			if err != nil {
				return err
			}
			defer k.Close()
			e := &updown.Engine{Kernel: &faulty{k, at}, Store: claim.Open(dir), Trace: func(plan.Op) {}}
			applied, upErr = e.Up(conns)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(applied.Ops) != faultOps || upErr == nil || !strings.HasSuffix(upErr.Error(), "input/output error") {
			t.Fatalf("operation %d of %d (want %d): %v", at, len(applied.Ops), faultOps, upErr)
		}
		if after := mustDump(t, h); after != before {
			t.Fatalf("after operation %d (%s) failed:\n%s\nbefore:\n%s", at, applied.Ops[at-1], after, before)
		}
		if claims, saved, err := claim.Open(dir).All(); err != nil || len(claims)+len(saved) > 0 {
			t.Fatalf("after operation %d failed: %v %v %v", at, claims, saved, err)
		}
	}
}

// TestKills kills the process before every operation of up: afterwards the
// real command line finishes the work, or takes it back.
func TestKills(t *testing.T) {
	h := faultHost(t)
	before := mustDump(t, h)
	bin := os.Getenv("IPSECIF_BIN")
	mustRun(t, h, bin, "up", "road")
	up := mustDump(t, h)
	mustRun(t, h, bin, "down", "road")
	for at := 1; at <= faultOps; at++ {
		for _, finish := range []bool{true, false} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, _, err := h.Run(ctx, os.Args[0], "-test.run=^TestKillChild$", "-test.count=1", "-kill-at="+strconv.Itoa(at))
			cancel()
			if err == nil {
				t.Fatalf("the child that was to be killed at operation %d lives", at)
			}
			if finish {
				mustRun(t, h, bin, "up", "road")
				mustRun(t, h, bin, "status", "road")
				if now := mustDump(t, h); now != up {
					t.Fatalf("killed at operation %d, then up:\n%s\nwant:\n%s", at, now, up)
				}
			}
			mustRun(t, h, bin, "down", "road")
			if now := mustDump(t, h); now != before {
				t.Fatalf("killed at operation %d, then down:\n%s\nbefore:\n%s", at, now, before)
			}
		}
	}
}
