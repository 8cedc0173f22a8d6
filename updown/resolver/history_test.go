package resolver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipsecif/ipsecif/updown/dns"
)

// errKilled stands for the end of the process in the middle of a call.
var errKilled = fmt.Errorf("killed")

// killAt ends the process at the nth chance, counted from 0, among those that
// the fake systemd-resolved and the trace are.
func (h *host) killAt(n int) {
	chance := func() {
		if n--; n == -1 {
			panic(errKilled)
		}
	}
	h.resolved.crash = chance
	h.m.Trace = func(string) { chance() }
}

// survive calls do, which may be killed.
func survive(do func() error) (killed bool, err error) {
	defer func() {
		if r := recover(); r == errKilled {
			killed = true
		} else if r != nil {
			panic(r)
		}
	}()
	return false, do()
}

// TestHistories brings tunnels up and down in any order, with processes that
// are killed in between and others that write resolv.conf. After each call that
// is not killed everybody has been told what is up and nothing else; and what
// others wrote last is there when no tunnel is up any more.
func TestHistories(t *testing.T) {
	const histories, steps = 20, 30
	const admins = "admin.example. IN forward 10.9.9.9\n"
	for seed := range uint64(histories) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h := newHost(t)
		original := "nameserver 192.1.3.254"
		h.write("resolv.conf", original)
		h.write("forwards", admins)
		for i := range 3 {
			h.resolved.add(fmt.Sprintf("ipsec%d", i))
		}
		up := make(map[string]dns.Request)
		setting := make(map[string]string)
		for step := range steps {
			claim := string(rune('a' + rng.IntN(5)))
			ctx := context.Background()
			var do func() error
			switch rng.IntN(8) {
			case 0:
				original = fmt.Sprintf("search step%d.example\nnameserver 192.1.3.%d\n", step, 1+step)
				h.write("resolv.conf", original)
				continue
			case 1:
				h.resolved.add("ipsec1") // anew
				continue
			case 2, 3, 4:
				do = func() error { return h.m.Drop(ctx, claim) }
				delete(up, claim)
			default:
				r := randomRequest(rng, claim)
				up[claim], setting[claim] = r, []string{"file", "systemd"}[rng.IntN(2)]
				do = func() error { return h.m.Set(ctx, setting[claim], r) }
			}
			if rng.IntN(3) == 0 {
				h.killAt(rng.IntN(4))
			}
			killed, err := survive(do)
			if err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			h.killAt(-1)
			if !killed {
				h.compare(fmt.Sprintf("seed %d, step %d", seed, step), up, original)
			}
		}
		for claim := range up {
			if err := h.m.Drop(context.Background(), claim); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			delete(up, claim)
			h.compare(fmt.Sprintf("seed %d, at the end", seed), up, original)
		}
		if got := h.read("resolv.conf"); got != original || len(h.resolved.told) > 0 || h.forwards() != admins || h.read("state/dns.json") != "" {
			h.t.Errorf("seed %d: left are\n%s\n%s\n%s\n%s", seed, got, h.resolved.text(), h.forwards(), h.read("state/dns.json"))
		}
	}
}

func randomRequest(rng *rand.Rand, claim string) dns.Request {
	r := dns.Request{Claim: claim, Link: fmt.Sprintf("ipsec%d", rng.IntN(3)), Default: rng.IntN(4) == 0}
	r.Servers, _ = dns.ParseServers(fmt.Sprintf("10.0.0.%d 10.0.0.%d", 1+rng.IntN(9), 1+rng.IntN(9)))
	if rng.IntN(3) > 0 {
		r.Domains, _ = dns.ParseDomains(fmt.Sprintf("d%d.example d%d.example", rng.IntN(4), rng.IntN(4)))
	}
	return r
}

// compare compares what was told with what is up.
func (h *host) compare(when string, up map[string]dns.Request, original string) {
	h.t.Helper()
	s, err := load(h.m.path())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range s.Up {
		if r := up[e.Claim]; !slices.Equal(r.Servers, e.Servers) || !slices.Equal(r.Domains, e.Domains) || r.Link != e.Link {
			h.t.Fatalf("%s: %s is kept as %+v, want %+v", when, e.Claim, e.Request, r)
		}
	}
	if len(s.Up) != len(up) {
		h.t.Fatalf("%s: %d claims are kept, want %d", when, len(s.Up), len(up))
	}
	want := dns.Want(s.Up)
	for name, i := range h.resolved.index {
		if told, known := h.resolved.told[i]; known != (len(want.Links[name].Servers) > 0) || !equal(told, want.Links[name]) {
			h.t.Fatalf("%s: %s was told %+v, want %+v", when, name, told, want.Links[name])
		}
	}
	told := parseForwards(h.forwards())
	for d, servers := range want.Forwards {
		if !same(told[d], servers) {
			h.t.Fatalf("%s: unbound asks %v for %s, want %v", when, told[d], d, servers)
		}
	}
	if len(told) != len(want.Forwards)+1 {
		h.t.Fatalf("%s: unbound was told\n%swant %v", when, h.forwards(), want.Forwards)
	}
	if got, want := h.read("resolv.conf"), dns.Edit(original, want.Servers, want.Search); got != want {
		h.t.Fatalf("%s: resolv.conf is\n%s\nwant\n%s", when, got, want)
	}
}

// TestAtOnce lets many tunnels come and go at the same time.
func TestAtOnce(t *testing.T) {
	const tunnels = 20
	h := newHost(t)
	const original = "# by hand\nnameserver 192.1.3.254\n"
	h.write("resolv.conf", original)
	all := func(do func(i int) error) {
		var wg sync.WaitGroup
		for i := range tunnels {
			wg.Go(func() {
				if err := do(i); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	all(func(i int) error {
		servers, _ := dns.ParseServers(fmt.Sprintf("10.0.0.%d", i+1))
		return h.m.Set(context.Background(), "file", dns.Request{Claim: fmt.Sprint(i), Servers: servers})
	})
	if got := strings.Count(h.read("resolv.conf"), "\nnameserver 10.0.0."); got != tunnels {
		t.Errorf("%d of %d servers in\n%s", got, tunnels, h.read("resolv.conf"))
	}
	all(func(i int) error { return h.m.Drop(context.Background(), fmt.Sprint(i)) })
	if got := h.read("resolv.conf"); got != original {
		t.Errorf("the original came back as\n%s", got)
	}
	if files, err := os.ReadDir(h.dir); err != nil || len(files) != 3 { // state, resolv.conf, unbound-control
		t.Errorf("left are %v, %v", files, err)
	}
}
