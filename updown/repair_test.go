package updown_test

import (
	"errors"
	"fmt"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// repairConf has conns with every kind of object, in both families.
const repairConf = `
conn net
	left=192.1.3.209
	leftsubnet=192.0.3.0/24,2001:db8:3::/64
	leftsourceip=192.0.3.1,2001:db8:3::1
	right=192.1.2.23
	rightsubnet=10.1.0.0/16,2001:db8:11::/64
	ipsec-interface=1
	escape=peer
	mss=1300

conn road
	left=192.1.3.209
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	right=192.1.2.24
	rightsubnet=0.0.0.0/0
	ipsec-interface=2

conn six
	left=2001:db8:1:3::209
	leftsubnet=2001:db8:0:2::101/128
	leftsourceip=2001:db8:0:2::101
	right=2001:db8:1:2::23
	rightsubnet=::/0
	ipsec-interface=5

conn loss
	left=192.1.3.209
	leftsubnet=192.0.3.0/24
	right=192.1.2.25
	rightsubnet=10.3.0.0/16
	ipsec-interface=3
	escape=peer
	on-loss=withdraw
`

// repairing is a host with all conns of a configuration up.
type repairing struct {
	*testing.T
	kernel *fake.Kernel
	engine *updown.Engine
	dir    string
	conns  []conn.Conn
	before plan.State // without any conn
}

func newRepairing(t *testing.T) *repairing {
	r := &repairing{T: t, kernel: fake.New(), dir: t.TempDir(), conns: confOf(t, repairConf)}
	for _, line := range []string{
		"ip link add eth0 type dummy",
		"ip -4 address add 192.1.3.209/24 dev eth0",
		"ip -6 address add 2001:db8:1:3::209/64 dev eth0",
		"ip -4 route add default via 192.1.3.254 dev eth0 table main proto static",
		"ip -6 route add default via 2001:db8:1:3::254 dev eth0 table main proto static metric 1024",
	} {
		r.others(line)
	}
	r.before = r.kernel.All()
	r.engine = &updown.Engine{Kernel: r.kernel, Store: claim.Open(r.dir), Trace: func(plan.Op) {}}
	if c, err := r.engine.Claim(r.conns, "daemon"); err != nil || len(c.Blocked) > 0 {
		t.Fatal(c.Blocked, err)
	}
	return r
}

// others is how somebody else changes the kernel.
func (r *repairing) others(line string) {
	r.Helper()
	op, err := plan.ParseOp(line)
	if err != nil {
		r.Fatal(err)
	}
	if err := r.kernel.Apply([]plan.Op{op}, func(plan.Op) {}); err != nil {
		r.Fatalf("%s: %v", line, err)
	}
}

func (r *repairing) repair(hold ...string) updown.Repair {
	r.Helper()
	held := map[string]bool{}
	for _, key := range hold {
		held[key] = true
	}
	done, err := r.engine.Repair(held)
	if err != nil {
		r.Fatal(err)
	}
	return done
}

// written returns what tells whether the claims were written.
func (r *repairing) written() string {
	r.Helper()
	info, err := os.Stat(filepath.Join(r.dir, "claims.db"))
	if err != nil {
		r.Fatal(err)
	}
	return info.ModTime().String()
}

func conditions(done updown.Repair) string {
	var all []string
	for _, c := range done.Claims {
		all = append(all, fmt.Sprintf("%s %s %s", c.Name, c.Owner, c.Condition))
	}
	return strings.Join(all, ", ")
}

const allWell = "loss daemon waiting for an SA, net daemon in sync, road daemon in sync, six daemon in sync"

// TestRepair takes every single object of claims away, or changes it, and has it
// back by one repair, and nothing is written by a second one.
func TestRepair(t *testing.T) {
	r := newRepairing(t)
	found := r.kernel.All()
	was := r.written()
	if done := r.repair(); len(done.Repaired) > 0 || conditions(done) != allWell || r.written() != was {
		t.Fatalf("repaired %v, written: %t, %s", done.Repaired, r.written() != was, conditions(done))
	}
	drifts := []string{
		"ip link del dev ipsec1", "ip link del dev ipsec2", "ip link set dev ipsec1 down",
		"ip -4 route replace 10.1.0.0/16 via 192.1.3.254 dev eth0 table main proto 186",
		"ip -6 route replace 2001:db8:11::/64 via 2001:db8:1:3::254 dev eth0 table main proto 186 metric 1024",
	}
	for key, o := range found {
		_, isAttr := o.(xfrmi.Attr)
		_, isSysctl := o.(routing.Sysctl)
		if r.before[key] == nil && !isAttr && !isSysctl {
			drifts = append(drifts, plan.Op{Verb: plan.Del, Object: o}.String())
		}
	}
	slices.Sort(drifts)
	if len(drifts) < 30 {
		t.Fatal("too few drifts:", drifts)
	}
	for _, line := range drifts {
		op, err := plan.ParseOp(line)
		if err != nil {
			t.Fatal(err)
		}
		if r.kernel.Apply([]plan.Op{op}, func(plan.Op) {}) != nil {
			continue // not to be deleted by itself
		}
		t.Run(line, func(t *testing.T) {
			r.T = t
			done := r.repair()
			again := r.repair()
			if len(done.Repaired) > 0 && !done.Repaired[0].Drift {
				t.Errorf("%v is no drift", done.Repaired[0])
			}
			if len(again.Repaired) > 0 || conditions(again) != allWell {
				t.Errorf("after %v: again %v, %s", done.Repaired, again.Repaired, conditions(again))
			}
			status, err := r.engine.Status(nil, false)
			if err != nil || status.Differs() {
				t.Errorf("after %v: %+v (%v)", done.Repaired, status.Drift, err)
			}
		})
	}
}

func confOf(t *testing.T, text string) []conn.Conn {
	t.Helper()
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(text)}}}, "own.conf")
	conns, more := f.Conns()
	if err := errors.Join(ds.Err(), more.Err()); err != nil {
		t.Fatal(err)
	}
	return conns
}

// TestRepairOthers repairs what it can beside a conn that cannot be served.
func TestRepairOthers(t *testing.T) {
	r := newRepairing(t)
	r.others("ip -4 rule add priority 98 lookup 77 protocol static")
	r.others("ip link del dev ipsec1")
	r.others("ip link del dev ipsec2")
	done := r.repair()
	if got, want := conditions(done), "loss daemon waiting for an SA, net daemon in sync, road daemon blocked, six daemon in sync"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if p := done.Claims[2].Problems; len(p) != 1 || !strings.Contains(p[0], "has the same priority; choose another rule-priority=") {
		t.Errorf("problems of road: %q", p)
	}
	all := r.kernel.All()
	if all[xfrmi.Link{Name: "ipsec1"}.Key()] == nil || all[xfrmi.Link{Name: "ipsec2"}.Key()] != nil {
		t.Error("not ipsec1 alone was made again")
	}
	r.others("ip -4 rule del priority 98 lookup 77 protocol static")
	if done := r.repair(); conditions(done) != allWell {
		t.Error(conditions(done))
	}
}

// TestRepairFails lets each operation of a repair of many conns fail once: the
// next repair leads to the same state as if nothing had happened.
func TestRepairFails(t *testing.T) {
	for at := 1; at < 60; at++ {
		r := newRepairing(t)
		found := r.kernel.All()
		for _, link := range []string{"ipsec1", "ipsec2", "ipsec3", "ipsec5"} {
			r.others("ip link del dev " + link)
		}
		r.kernel.FailAt = at
		r.repair()
		failed := r.kernel.FailAt == 0
		if done := r.repair(); conditions(done) != allWell {
			t.Fatalf("after operation %d failed: %s", at, conditions(done))
		}
		if now := r.kernel.All(); !maps.Equal(now, found) {
			t.Fatalf("after operation %d failed: %v, want %v", at, now.Sorted(), found.Sorted())
		}
		if !failed {
			return
		}
	}
	t.Fatal("operations have no end")
}

// TestRepairHeld leaves alone what is held, and what is on it.
func TestRepairHeld(t *testing.T) {
	r := newRepairing(t)
	link := xfrmi.Link{Name: "ipsec1"}
	r.others("ip link del dev ipsec1")
	r.others("ip link del dev ipsec2")
	done := r.repair(link.Key())
	if done.Held == 0 || !strings.Contains(conditions(done), "net daemon drift, road daemon in sync") || r.kernel.All()[link.Key()] != nil {
		t.Errorf("%d held, %s", done.Held, conditions(done))
	}
	if done = r.repair(); done.Held != 0 || conditions(done) != allWell {
		t.Errorf("%d held, %s", done.Held, conditions(done))
	}
}

// TestRepairBySAs lets routes come and go with SAs.
func TestRepairBySAs(t *testing.T) {
	r := newRepairing(t)
	sa := plan.SA{IfID: 3, Direction: plan.Out, Src: netip.MustParseAddr("192.1.3.209"), Dst: netip.MustParseAddr("192.1.2.25"), Proto: plan.ProtoESP, SPI: 1}
	r.kernel.SAs = []plan.SA{sa}
	if done := r.repair(); len(done.Repaired) != 1 || done.Repaired[0].Op.Verb != plan.Add || done.Repaired[0].Drift || !strings.HasPrefix(conditions(done), "loss daemon in sync") {
		t.Errorf("%v, %s", done.Repaired, conditions(done))
	}
	r.kernel.SAs = nil
	if done := r.repair(); len(done.Repaired) != 1 || done.Repaired[0].Op.Verb != plan.Del || conditions(done) != allWell {
		t.Errorf("%v, %s", done.Repaired, conditions(done))
	}
}

// TestClaimEach claims conns of which some cannot be served.
func TestClaimEach(t *testing.T) {
	r := newRepairing(t)
	r.others("ip -4 route add 10.9.0.0/16 via 192.1.3.254 dev eth0 table main proto static")
	conns := confOf(t, repairConf+`
conn new
	left=192.1.3.209
	right=192.1.2.26
	rightsubnet=10.8.0.0/16
	ipsec-interface=8
	escape=peer

conn refused
	left=192.1.3.209
	right=192.1.2.27
	rightsubnet=10.9.0.0/16
	ipsec-interface=9

conn nameless
	left=192.1.3.209
	right=gate.example.net
	rightsubnet=10.10.0.0/16
	ipsec-interface=10
	escape=peer
`)
	c, err := r.engine.Claim(conns, "daemon")
	if err != nil || len(c.Plans) != 1 || len(c.Blocked) != 2 || c.Blocked["refused"] == nil || c.Blocked["nameless"] == nil {
		t.Fatalf("%d plans, blocked %q (%v)", len(c.Plans), c.Blocked, err)
	}
	if got, want := conditions(r.repair()), strings.Replace(allWell, ", road", ", new daemon in sync, road", 1); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	was := r.written()
	if c, err = r.engine.Claim(conns[:5], "daemon"); err != nil || len(c.Plans) != 0 || r.written() != was {
		t.Errorf("claimed again: %d plans (%v)", len(c.Plans), err)
	}
}

// repair repairs all claims as far as strangers let it. A second repair finds
// nothing to do.
func (w *world) repair() {
	if _, err := w.engine().Repair(nil); err != nil {
		w.t.Fatalf("repair: %v", err)
	}
	again, err := w.engine().Repair(nil)
	if err != nil || len(again.Repaired) > 0 {
		w.t.Fatalf("repaired again: %v (%v)", again.Repaired, err)
	}
	for _, c := range again.Claims {
		if c.Condition != updown.InSync && c.Condition != updown.Waiting && !w.intruded() {
			w.t.Fatalf("repaired, and %s is %s: %q", c.Name, c.Condition, c.Problems)
		}
	}
}
