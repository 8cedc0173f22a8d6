package updown_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// nearKernel has addresses of its own that are local selectors of conns.
var nearKernel = append(convergeKernel[:6:6],
	"ip link add eth1 type dummy", "ip -4 address add 10.1.0.1/24 dev eth1", "ip -4 address add 10.1.0.2/24 dev eth1",
	"ip -6 address add 2001:db8:a::1/64 dev eth1")

// randomConns returns conns that have much in common, as far as each of them is
// valid by itself.
func randomConns(t *testing.T, r *rand.Rand) (conns []conn.Conn, text string) {
	var b strings.Builder
	for i := range 8 {
		randomConn(&b, r, i)
	}
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(b.String())}}}, "own.conf")
	if err := ds.Err(); err != nil {
		t.Fatal(err)
	}
	conns, ds = f.Conns()
	conns = slices.DeleteFunc(conns, func(c conn.Conn) bool {
		return slices.ContainsFunc(ds, func(d conn.Diagnostic) bool { return d.Severity == conn.Error && d.Conn == c.Name })
	})
	return conns, b.String()
}

func randomConn(b *strings.Builder, r *rand.Rand, i int) {
	set := func(key string, values ...string) {
		if value := values[r.IntN(len(values))]; value != "" {
			fmt.Fprintf(b, "\t%s=%s\n", key, value)
		}
	}
	fmt.Fprintf(b, "conn c%d\n", i)
	if r.IntN(4) > 0 {
		set("left", "192.1.3.209")
		set("right", "192.1.2.1", "192.1.2.2", "192.1.2.3", "192.1.4.4", "%any")
	} else {
		set("left", "2001:db8:1:3::209")
		set("right", "2001:db8:2::1", "2001:db8:2::2", "2001:db8:4::4")
	}
	set("leftsubnet", "", "10.1.0.0/16", "10.2.0.0/16", "10.1.0.1/32", "10.1.0.2/32", "192.1.3.0/24", "10.1.0.1/32,2001:db8:a::/64", "2001:db8:a::1/128")
	set("rightsubnet", "", "10.9.0.0/16", "10.9.1.0/24", "192.1.2.0/24", "192.1.0.0/16", "192.1.2.1/32", "0.0.0.0/0", "10.9.0.0/16,192.1.2.0/24", "10.9.0.0/16,2001:db8:9::/64,::/0", "2001:db8:2::/64", "2001:db8:2::1/128")
	switch r.IntN(6) {
	case 0:
		set("ipsec-interface", "external")
		set("if_id", "10", "11", "12")
		set("mark-out", "", "0x100/0xff00", "0x200/0xff00")
	case 1:
		set("vti-interface", "vti0", "vti1")
		set("mark", "5", "6")
		set("vti-routing", "yes")
		set("vti-shared", "", "", "yes")
	default:
		set("ipsec-interface", "1", "2", "3", "4")
		set("mark-out", "", "0x100/0xff00", "0x200/0xff00")
	}
	switch r.IntN(8) {
	case 0:
		set("route-by", "source")
	case 1, 2, 3: // layouts that have a table of their own
		n := strconv.Itoa(200 + 50*r.IntN(3))
		set("scheme", "underlay", "two-rules", "not-mark", "overlay")
		set("table", n)
		set("rule-priority", n)
	}
	set("escape", "", "", "", "peer")
	set("on-loss", "", "", "block", "keep", "withdraw")
	set("metric", "", "", "", "5")
	set("leftsourceip", "", "", "", "10.1.0.9", "10.2.0.8", "10.1.0.9,2001:db8:a::9")
	set("leftinterface-ip", "", "", "", "", "10.9.0.1/16", "10.1.0.9/24", "10.1.0.2/24")
	set("interface-ip-dev", "", "", "", "", "lo")
	set("multicast", "", "", "", "yes")
	set("mss", "", "", "", "", "auto", "1200")
	set("link-mtu", "", "", "", "", "auto", "1300")
}

// TestNearAsFull brings the same conns up and down, one at a time, on two hosts;
// each is in one of two versions of the configuration.
// On one of them every run reads everything; nothing may tell the other from it.
func TestNearAsFull(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		conns, text := randomConns(t, r)
		changed, more := randomConns(t, r)
		conns, text = append(conns, changed...), text+more
		near, full := nearHost(t), nearHost(t)
		full.Adopt = true // nobody else is there, but it might be
		var history []string
		up := map[string]bool{}
		for range 2 * len(conns) {
			c := conns[r.IntN(len(conns))]
			do := func(e nearEngine) error { _, err := e.Up([]conn.Conn{c}); return err }
			verb := "up "
			if up[c.Name] && r.IntN(3) > 0 {
				verb = "down "
				do = func(e nearEngine) error { _, err := e.Down(e.named(c.Name), []conn.Conn{c}); return err }
			}
			err, want := do(near), do(full)
			history = append(history, fmt.Sprintf("%s%s: %v", verb, c.Name, want))
			if want == nil {
				up[c.Name] = verb == "up "
			}
			if diff := near.differs(full); (err == nil) != (want == nil) || diff != "" {
				t.Fatalf("seed %d:\n%s\nbut from what is near: %v\n%s\n%s", seed, strings.Join(history, "\n"), err, diff, text)
			}
		}
	}
}

// nearEngine is an engine with its host.
type nearEngine struct {
	*updown.Engine
	kernel *fake.Kernel
}

func nearHost(t *testing.T) nearEngine {
	k := fake.New()
	for _, line := range nearKernel {
		op, err := plan.ParseOp(line)
		if err == nil {
			err = k.Apply([]plan.Op{op}, func(plan.Op) {})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return nearEngine{&updown.Engine{Kernel: k, Store: claim.Open(t.TempDir()), Trace: func(plan.Op) {}}, k}
}

// named returns a name, for a run that is to read everything together with more
// than a limited one takes.
func (e nearEngine) named(name string) []string {
	names := []string{name}
	for i := 0; e.Adopt && i < 20; i++ {
		names = append(names, "nobody-"+strconv.Itoa(i))
	}
	return names
}

// differs names what one host has and the other has not.
func (e nearEngine) differs(from nearEngine) string {
	a, b := e.kernel.All(), from.kernel.All()
	if maps.Equal(a, b) {
		return ""
	}
	var s strings.Builder
	for _, o := range a.Sorted() {
		if b[o.Key()] != o {
			s.WriteString("near: " + o.String() + "\n")
		}
	}
	for _, o := range b.Sorted() {
		if a[o.Key()] != o {
			s.WriteString("full: " + o.String() + "\n")
		}
	}
	return s.String()
}
