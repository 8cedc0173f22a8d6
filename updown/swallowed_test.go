package updown_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// TestSwallowedPeers checks that check warns of two conns exactly if up refuses
// them because ESP of one would go into the tunnel of the other, or because the
// way out of one would let out what the other protects.
func TestSwallowedPeers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	locals := conn.Locals{Addrs: []conn.LocalAddr{{Dev: "eth0", Addr: netip.MustParseAddr("192.0.2.1")}}}
	refused := map[string]int{}
	for range 3000 {
		var b strings.Builder
		for i, name := range []string{"a", "b"} {
			fmt.Fprintf(&b, "conn %s\n\tleft=192.0.2.1\n\tif_id=%d\n\tright=%s\n\trightsubnet=%s\n%s%s%s%s%s", name, i+1,
				pick("10.1.0.1", "10.2.0.1", "10.3.0.1", "%any"),
				pick("10.1.0.0/16", "10.2.0.0/16", "0.0.0.0/0", "10.1.0.0/16,10.2.0.0/16", "10.1.0.0/17", "10.4.0.0/16", "10.1.0.1/32", "10.1.0.1/32"),
				pick("", "", "\tleftsubnet=10.1.0.0/16\n"), pick("", "\tmark-out=0x10/0xf0\n"), pick("", "", "\tescape=peer\n"),
				pick("", "", fmt.Sprintf("\tscheme=underlay\n\ttable=%d\n\trule-priority=%d\n", 60+i, 200+10*i)), pick("", "\ton-loss=keep\n"))
		}
		f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(b.String())}}}, "own.conf")
		conns, more := f.Conns()
		if len(ds)+len(more) > 0 || len(conns) != 2 {
			t.Fatalf("%s%s%s", b.String(), ds, more)
		}
		var claims []plan.Claim
		for i := range conns {
			tunnel, ds := plan.Resolve(&conns[i], plan.Facts{Locals: locals})
			if len(ds) > 0 {
				t.Fatalf("%s%s", b.String(), ds)
			}
			claims = append(claims, plan.Claim{Name: conns[i].Name, Tunnel: tunnel})
		}
		_, problems := plan.Compile(claims, plan.Facts{Locals: locals})
		for _, inner := range conns {
			for code, start := range map[string]string{
				conn.CodeSwallowedPeer: fmt.Sprintf("ESP and IKE of conn %q", inner.Name),
				conn.CodeEscapePeer:    fmt.Sprintf("escape=peer of conn %q", inner.Name),
			} {
				up, check := false, false
				for _, p := range problems {
					up = up || strings.HasPrefix(p.Text, start)
				}
				for _, d := range f.Lint(conns, conn.HostFacts{Locals: locals}) {
					check = check || d.Code == code && strings.HasPrefix(d.Text, start)
				}
				if up != check {
					t.Fatalf("%s, conn %q: up refuses: %v, check warns: %v\n%s%v", code, inner.Name, up, check, b.String(), problems)
				}
				if up {
					refused[code]++
				}
			}
		}
	}
	if refused[conn.CodeSwallowedPeer] == 0 || refused[conn.CodeEscapePeer] == 0 {
		t.Errorf("up refuses too few: %v", refused)
	}
}
