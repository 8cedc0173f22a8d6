package updown_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// TestManyMarks brings up tunnels between hosts, whose marks are their if_ids
// unless they share one.
func TestManyMarks(t *testing.T) {
	for _, tt := range []struct {
		tunnels int
		keys    string
		want    string
	}{
		{16, "", ""},
		{17, "", "the rules for ESP and IKE packets have 17 different marks"},
		{17, "\tmark-out=0x100/0xf00\n", ""},
		{17, "\tscheme=mark-underlay\n", "the rules for ESP and IKE packets have 17 different marks"},
	} {
		text := "conn %default\n\tleft=192.1.3.209\n" + tt.keys
		for i := range tt.tunnels {
			text += fmt.Sprintf("conn c%d\n\tright=192.1.2.%d\n\tipsec-interface=%d\n", i, i+1, i+1)
		}
		f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(text)}}}, "own.conf")
		conns, more := f.Conns()
		if len(ds)+len(more) > 0 {
			t.Fatal(ds, more)
		}
		s := &story{t: t, kernel: fake.New()}
		s.apply("ip link add eth0 type dummy")
		s.apply("ip -4 address add 192.1.3.209/24 dev eth0")
		s.apply("ip -4 route add default via 192.1.3.254 dev eth0 table main proto static")
		e := &updown.Engine{Kernel: s.kernel, Store: claim.Open(t.TempDir()), Trace: func(plan.Op) {}}
		// The last one comes alone, and looks at what is near it only.
		last := len(conns) - 1
		if p, err := e.Up(conns[:last]); err != nil || len(p.Warnings) > 0 {
			t.Fatal(p.Warnings, err)
		}
		p, err := e.Up(conns[last:])
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range p.Warnings {
			got = append(got, w.Text)
		}
		if all := strings.Join(got, "\n"); !strings.HasPrefix(all, tt.want) || tt.want == "" && all != "" {
			t.Errorf("%d tunnels with %q: warnings %q, want %q", tt.tunnels, tt.keys, all, tt.want)
		}
	}
}
