package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/daemon"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/updown/watch"
)

const base = `
conn net
	left=192.1.3.209
	right=192.1.2.23
	rightsubnet=10.1.0.0/16
	ipsec-interface=1
	auto=start

conn six
	left=2001:db8:1:3::209
	leftsubnet=2001:db8:0:2::101/128
	leftsourceip=2001:db8:0:2::101
	right=2001:db8:1:2::23
	rightsubnet=::/0
	ipsec-interface=5
	auto=add
`

const (
	loss = `
conn loss
	left=192.1.3.209
	right=192.1.2.25
	rightsubnet=10.3.0.0/16
	ipsec-interface=3
	on-loss=withdraw
	auto=route
`
	ignored = `
conn ignored
	left=192.1.3.209
	right=192.1.2.26
	rightsubnet=10.4.0.0/16
	ipsec-interface=4
`
	refused = `
conn refused
	left=192.1.3.209
	right=192.1.2.27
	rightsubnet=10.9.0.0/16
	ipsec-interface=9
	auto=start
`
	elsewhere = `
conn elsewhere
	left=198.51.100.1
	right=198.51.100.2
	ipsec-interface=7
	auto=start
`
	named = `
conn named
	left=192.1.3.209
	right=gate.example.net
	rightsubnet=10.8.0.0/16
	ipsec-interface=8
	auto=start
`
)

// host is a host with a daemon, in a bubble of time.
type host struct {
	*testing.T
	kernel  *fake.Kernel
	dir     string
	conf    string
	confErr error
	names   plan.Names
	around  daemon.Neighbours
	loop    *daemon.Loop
	reasons chan watch.Reason
	stop    func()
	failed  func() error // like stop, and returns the error of the daemon
	log     []daemon.Message
	told    []string // by the service
	changes int
	alive   int
}

type mapFS struct{ fstest.MapFS }

func (m mapFS) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(m.MapFS, name) }
func (m mapFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(m.MapFS, name) }

func (h *host) load() (c daemon.Conf, err error) {
	if h.confErr != nil {
		return c, h.confErr
	}
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(h.conf)}}}, "own.conf")
	conns, more := f.Conns()
	return daemon.Conf{Conns: conns, Extent: conf.ExtentOf(f)}, errors.Join(ds.Err(), more.Err())
}

func (h *host) Ready(status string)  { h.told = append(h.told, "READY "+status) }
func (h *host) Status(status string) { h.told = append(h.told, status) }
func (h *host) Reloading()           { h.told = append(h.told, "RELOADING") }
func (h *host) Alive()               { h.alive++ }

func newHost(t *testing.T, conf string) *host {
	h := &host{T: t, kernel: fake.New(), dir: t.TempDir(), conf: conf, names: plan.Names{}}
	for _, line := range []string{
		"ip link add eth0 type dummy",
		"ip -4 address add 192.1.3.209/24 dev eth0",
		"ip -6 address add 2001:db8:1:3::209/64 dev eth0",
		"ip -4 route add default via 192.1.3.254 dev eth0 table main proto static",
		"ip -6 route add default via 2001:db8:1:3::254 dev eth0 table main proto static metric 1024",
	} {
		h.others(line)
	}
	return h
}

// start starts a daemon and waits until it is ready.
func (h *host) start() {
	h.Helper()
	h.log, h.told, h.changes = nil, nil, 0
	h.reasons = make(chan watch.Reason, 8)
	h.loop = &daemon.Loop{
		Engine: h.engine(), Load: h.load, Watch: func(conf.Places) error { return nil },
		LookUp:  func([]conn.Conn) plan.Names { return maps.Clone(h.names) },
		Reasons: h.reasons, Log: func(m daemon.Message) { h.log = append(h.log, m) }, Service: h,
		Neighbours: func() daemon.Neighbours { return h.around }, StateDir: h.dir, OnChange: func(daemon.Status) { h.changes++ },
	}
	h.loop.Init()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.loop.Run(ctx) }()
	h.failed = func() error {
		cancel()
		h.stop = nil
		return <-done
	}
	h.stop = func() {
		h.Helper()
		if err := h.failed(); err != nil {
			h.Error(err)
		}
	}
	synctest.Wait()
}

func (h *host) engine() *updown.Engine {
	return &updown.Engine{Kernel: h.kernel, Store: claim.Open(h.dir), Trace: func(plan.Op) {}}
}

// others is how somebody else changes the kernel, of which the daemon is told.
func (h *host) others(line string) {
	h.Helper()
	op, err := plan.ParseOp(line)
	if err != nil {
		h.Fatal(err)
	}
	if err := h.kernel.Apply([]plan.Op{op}, func(plan.Op) {}); err != nil {
		h.Fatalf("%s: %v", line, err)
	}
	h.tell(watch.Kernel)
}

func (h *host) tell(r watch.Reason) {
	if h.loop == nil {
		return
	}
	h.reasons <- r
	synctest.Wait()
}

// after lets time pass.
func (h *host) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// soon is when a daemon has repaired what it was told of.
const soon = 50 * time.Millisecond

func (h *host) conditions() string {
	var all []string
	for _, c := range h.loop.Status().Conns {
		all = append(all, fmt.Sprintf("%s %s", c.Name, c.Condition))
	}
	return strings.Join(all, ", ")
}

func (h *host) expect(conditions string) {
	h.Helper()
	if got := h.conditions(); got != conditions {
		h.Errorf("%s, want %s", got, conditions)
	}
}

// logged returns the lines of the log since the last time.
func (h *host) logged() []string {
	var lines []string
	for _, m := range h.log {
		lines = append(lines, strings.TrimPrefix(m.Conn+": "+m.Text, ": "))
	}
	h.log = nil
	return lines
}

func (h *host) expectLog(want ...string) {
	h.Helper()
	got := h.logged()
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		h.Errorf("log:\n%s\nwant lines that begin with:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (h *host) differs() bool {
	h.Helper()
	s, err := h.engine().Status(nil, false)
	if err != nil {
		h.Fatal(err)
	}
	return s.Differs()
}

func in(t *testing.T, conf string, do func(h *host)) {
	t.Helper()
	h := newHost(t, conf)
	synctest.Test(t, func(t *testing.T) {
		h.T = t
		do(h)
		if h.stop != nil {
			h.stop()
		}
	})
}

// TestStart claims what is to be up, and leaves the rest.
func TestStart(t *testing.T) {
	in(t, base+loss+ignored+elsewhere, func(h *host) {
		h.start()
		h.expect("loss waiting for an SA, net in sync, six in sync")
		if len(h.told) != 1 || h.told[0] != "READY 2 conns in sync, 1 waiting for an SA" {
			h.Errorf("told %q", h.told)
		}
		for _, c := range h.loop.Status().Conns {
			if c.Owner != daemon.Owner {
				h.Errorf("%s is claimed by %q", c.Name, c.Owner)
			}
		}
		h.expectLog()
		// A second start finds everything as it is to be.
		was := h.kernel.All()
		h.stop()
		h.kernel.FailAt = 1
		h.start()
		h.expect("loss waiting for an SA, net in sync, six in sync")
		if h.kernel.FailAt != 1 || !maps.Equal(h.kernel.All(), was) {
			h.Error("a second start has changed the kernel")
		}
		h.kernel.FailAt = 0
	})
}

// TestDrift repairs every object that somebody takes away.
func TestDrift(t *testing.T) {
	in(t, base, func(h *host) {
		found := h.kernel.All()
		h.start()
		lines := []string{"ip link set dev ipsec1 down"}
		for key, o := range h.kernel.All() {
			if found[key] == nil && plan.LinkOf(o) == "" || strings.HasPrefix(key, "route") && found[key] == nil {
				lines = append(lines, plan.Op{Verb: plan.Del, Object: o}.String())
			}
		}
		slices.Sort(lines)
		if len(lines) < 8 {
			h.Fatal(lines)
		}
		for i, line := range lines {
			h.others(line)
			if !h.differs() && !strings.Contains(line, "proto kernel") {
				h.Errorf("%s: no difference", line)
			}
			h.after(soon)
			if h.differs() {
				h.Errorf("%s: not repaired", line)
			}
			if i%2 == 0 { // without a fight
				h.after(time.Minute)
			}
		}
		counted, err := daemon.ReadRepairs(h.dir)
		if err != nil || counted.Conns["six"] < 5 || counted.Conns["net"] < 2 || h.changes < len(lines)/2 {
			h.Errorf("counted %+v (%v), %d changes", counted, err, h.changes)
		}
	})
}

// TestBlocked has conns that cannot come up beside others, until they can.
func TestBlocked(t *testing.T) {
	in(t, base+refused, func(h *host) {
		h.others("ip -4 route add 10.9.0.0/16 via 192.1.3.254 dev eth0 table main proto static")
		h.start()
		h.expect("net in sync, refused blocked, six in sync")
		h.expectLog(`refused: blocked: cannot add "10.9.0.0/16 dev ipsec9 table main src 192.1.3.209 proto 50"`)
		h.others("ip link del dev ipsec1")
		h.after(soon)
		h.expect("net in sync, refused blocked, six in sync")
		h.expectLog(`net: repaired: ip link add ipsec1 type xfrm if_id 1`)
		h.others("ip -4 route del 10.9.0.0/16 via 192.1.3.254 dev eth0 table main proto static")
		h.after(soon)
		h.expect("net in sync, refused in sync, six in sync")
		h.expectLog("refused: not blocked any more")
	})
}

// TestConf edits the configuration.
func TestConf(t *testing.T) {
	in(t, base+ignored, func(h *host) {
		h.start()
		change := func(text string) {
			h.conf = text
			h.tell(watch.Conf)
			h.after(soon)
		}
		if _, err := h.engine().Up(h.conns("ignored")); err != nil {
			h.Fatal(err)
		}
		change(base + ignored + loss)
		h.expect("ignored in sync, loss waiting for an SA, net in sync, six in sync")
		change(strings.Replace(base, "10.1.0.0/16", "10.7.0.0/16", 1) + strings.Replace(ignored, "10.4.0.0/16", "10.5.0.0/16", 1))
		h.expect("ignored in sync, net in sync, six in sync")
		all := fmt.Sprint(h.kernel.All())
		if strings.Contains(all, "10.1.0.0/16") || !strings.Contains(all, "10.7.0.0/16") || strings.Contains(all, "10.4.0.0/16") || !strings.Contains(all, "10.5.0.0/16") {
			h.Error("routes are not those of the changed conns:", all)
		}
		h.expectLog("loss: down, as the configuration asks for")
		change(strings.Replace(base, "auto=start", "auto=ignore", 1))
		h.expect("ignored in sync, six in sync")
		h.expectLog("ignored: the conn is not in the configuration any more; it stays up until `ipsecif down ignored`",
			"net: down, as the configuration asks for")
		change("conn broken\n\tleft=192.1.3.209\n\tno-such-key=1\n")
		h.expect("ignored in sync, six in sync")
		h.expectLog("own.conf:3:2: conn \"broken\": no-such-key: ", "the configuration cannot be used; what was in it before stays as it is")
		change(h.conf)
		h.expectLog()
		if p := h.loop.Status().Problems; len(p) == 0 {
			h.Error("no problem in the status")
		}
		h.others("ip link del dev ipsec5")
		h.after(soon)
		h.expect("ignored in sync, six in sync")
		h.logged()
		h.conf = base
		h.after(12 * time.Second) // without being told, as of a directory that was mounted
		h.expect("ignored in sync, net in sync, six in sync")
		h.expectLog("the configuration can be used again")
	})
}

// conns returns conns of the configuration.
func (h *host) conns(name string) []conn.Conn {
	h.Helper()
	c, err := h.load()
	if err != nil {
		h.Fatal(err)
	}
	return slices.DeleteFunc(c.Conns, func(c conn.Conn) bool { return c.Name != name })
}

// TestDownByHand leaves down what the administrator takes down, until its conn
// changes or the daemon starts again.
func TestDownByHand(t *testing.T) {
	in(t, base, func(h *host) {
		h.start()
		down := func() {
			h.Helper()
			if _, err := h.engine().Down([]string{"net"}, nil); err != nil {
				h.Fatal(err)
			}
			h.tell(watch.Claims | watch.Kernel)
			h.after(soon)
			h.expect("six in sync")
		}
		down()
		h.tell(watch.Reload)
		h.after(10 * time.Minute)
		h.expect("six in sync")
		h.conf = "\n\n" + base // which changes no conn
		h.tell(watch.Conf)
		h.after(soon)
		h.expect("six in sync")
		h.conf = strings.Replace(base, "10.1.0.0/16", "10.2.0.0/16", 1)
		h.tell(watch.Conf)
		h.after(soon)
		h.expect("net in sync, six in sync")
		down()
		h.stop()
		h.start()
		h.expect("net in sync, six in sync")
		// Claims that are lost were not given up.
		if err := os.Remove(filepath.Join(h.dir, "claims.db")); err != nil {
			h.Fatal(err)
		}
		h.tell(watch.Claims)
		h.after(soon)
		h.expect("net in sync, six in sync")
	})
}

// TestAdmins leaves claims to others.
func TestAdmins(t *testing.T) {
	in(t, base, func(h *host) {
		if _, err := h.engine().Up(h.conns("net")); err != nil {
			h.Fatal(err)
		}
		h.start()
		for _, c := range h.loop.Status().Conns {
			if want := map[string]string{"net": updown.Admin, "six": daemon.Owner}[c.Name]; c.Owner != want {
				h.Errorf("%s is claimed by %q, want %q", c.Name, c.Owner, want)
			}
		}
		h.stop()
		h.conf = ""
		h.start()
		h.expect("net in sync")
		h.expectLog("net: the conn is not in the configuration any more", "six: down, as the configuration asks for")
	})
}

// TestNames waits for the addresses of host names, and keeps nobody waiting.
func TestNames(t *testing.T) {
	in(t, base+named, func(h *host) {
		h.start()
		h.expect("named blocked, net in sync, six in sync")
		h.names[plan.Name{Host: "gate.example.net", Family: conn.IPv4}] = netip.MustParseAddr("192.1.2.99")
		h.after(6 * time.Second)
		h.expect("named in sync, net in sync, six in sync")
	})
}

// TestFight repairs what somebody undoes each time, ever more seldom, and tells
// that once.
func TestFight(t *testing.T) {
	in(t, base, func(h *host) {
		h.start()
		h.around = daemon.Neighbours{Networkd: true, DeletesRules: true}
		const rule = "ip -6 rule del priority 100 lookup 50 protocol kernel"
		var warned []string
		begin, repairs := time.Now(), 0
		for time.Since(begin) < 3*time.Minute {
			if !h.differs() {
				h.others(rule)
				repairs++
			}
			h.after(soon)
			for _, m := range h.log {
				if m.Priority == daemon.Warning {
					warned = append(warned, m.Text)
				}
			}
			h.log = nil
		}
		const want = `"ip -6 rule add priority 100 lookup 50 protocol kernel" was repaired 3 times within a minute: ` +
			`systemd-networkd deletes rules that it does not know; set ManageForeignRoutingPolicyRules=no in section [Network] of networkd.conf(5); ` +
			`it is repaired more seldom now, every 30s at last, and not told any more`
		if len(warned) != 1 || warned[0] != want {
			h.Errorf("warnings %q, want %q", warned, want)
		}
		if repairs < 8 || repairs > 14 {
			h.Errorf("%d repairs in 3 minutes", repairs)
		}
		// Another object is repaired at once all the same.
		h.others("ip link del dev ipsec1")
		h.after(soon)
		if h.kernel.State["link ipsec1"] == nil && !strings.Contains(fmt.Sprint(h.kernel.All()), "ipsec1 type xfrm") {
			h.Error("ipsec1 was not repaired")
		}
	})
}

// TestRequests serves clients between two looks.
func TestRequests(t *testing.T) {
	in(t, base, func(h *host) {
		h.start()
		failed := errors.New("failed")
		err := h.loop.Do(context.Background(), func(e *updown.Engine) error {
			_, err := e.Down([]string{"net"}, nil)
			return errors.Join(err, failed)
		})
		h.after(soon)
		if h.expect("six in sync"); !errors.Is(err, failed) {
			h.Error(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		if err := h.loop.Up(ctx, []string{"net"}); err != nil {
			h.Error(err)
		}
		h.after(soon)
		if h.expect("net in sync, six in sync"); h.loop.Status().Conns[0].Owner != updown.Admin {
			h.Error("net is not the administrator's")
		}
		if err := h.loop.Down(ctx, []string{"six", "net"}); err != nil {
			h.Error(err)
		}
		h.after(soon)
		h.expect("")
		for _, err := range []error{h.loop.Up(ctx, []string{"nobody"}), h.loop.Down(ctx, []string{"nobody"})} {
			if err == nil || !strings.Contains(err.Error(), `no conn "nobody"`) {
				h.Error(err)
			}
		}
		h.loop.Reload()
		h.after(soon)
		if !slices.Contains(h.told, "RELOADING") || !strings.HasPrefix(h.told[len(h.told)-1], "READY") {
			h.Errorf("told %q", h.told)
		}
		cancel()
		h.stop()
		if err := h.loop.Do(ctx, nil); !errors.Is(err, context.Canceled) {
			h.Error(err)
		}
	})
}

// TestResync finds what nobody was told of.
func TestResync(t *testing.T) {
	in(t, base, func(h *host) {
		h.start()
		loop := h.loop
		h.loop = nil
		h.others("ip link del dev ipsec1")
		h.loop = loop
		h.after(6 * time.Minute)
		if h.differs() {
			h.Error("not repaired")
		}
	})
}

// TestFirstLookFails does not begin where nothing can work.
func TestFirstLookFails(t *testing.T) {
	in(t, base, func(h *host) {
		h.dir = filepath.Join(h.dir, "no-directory")
		if err := os.WriteFile(h.dir, nil, 0o644); err != nil {
			h.Fatal(err)
		}
		h.start()
		failed := h.failed()
		if failed == nil || !strings.HasPrefix(failed.Error(), "opening the claims in "+h.dir) || len(h.told) > 0 {
			h.Errorf("%v, told %q", failed, h.told)
		}
	})
}
