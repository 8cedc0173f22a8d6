package updown_test

import (
	"fmt"
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

// watched counts the queries for everything.
type watched struct {
	*fake.Kernel
	unlimited int
}

func (w *watched) Observe(q plan.Query) (plan.Observation, error) {
	if q.Near == nil {
		w.unlimited++
	}
	return w.Kernel.Observe(q)
}

// manyConf is a gateway with tunnels of several sorts, and two more that come
// and go.
func manyConf(scheme string) string {
	var b strings.Builder
	b.WriteString("config setup\n\tscheme=" + scheme + "\n")
	b.WriteString("conn %default\n\tleft=192.1.3.209\n\tmark-out=0x10000/0xff0000\n")
	for i := range 20 {
		fmt.Fprintf(&b, "conn net-%d\n\tright=192.1.2.%d\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.2.%d.0/24\n\tipsec-interface=%d\n", i, i+1, i, i+1)
		fmt.Fprintf(&b, "conn host-%d\n\tright=192.1.4.%d\n\tipsec-interface=%d\n", i, i+1, i+101)
		fmt.Fprintf(&b, "conn shared-%d\n\tright=192.1.5.%d\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.3.%d.0/24\n\tipsec-interface=200\n\tleftinterface-ip=172.16.0.%d/32\n", i, i+1, i, i+1)
		fmt.Fprintf(&b, "conn sized-%d\n\tright=192.1.6.%d\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.4.%d.0/24\n\tipsec-interface=%d\n\tlink-mtu=auto\n\tmss=auto\n", i, i+1, i, i+401)
		fmt.Fprintf(&b, "conn source-%d\n\tright=192.1.7.%d\n\tleftsubnet=10.%d.0.0/16\n\trightsubnet=10.5.0.0/24\n\tipsec-interface=%d\n\troute-by=source\n\ton-loss=withdraw\n", i, i+1, i+100, i+501)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "conn external-%d\n\tright=192.1.9.%d\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.7.%d.0/24\n\tipsec-interface=external\n\tif_id=%d\n\tleftinterface-ip=172.16.1.1\n", i, i+1, i, i+1000)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "conn proxy-%d\n\tright=192.1.13.%d\n\tleftsubnet=10.13.0.0/16,2001:db8:13::/64\n\trightsubnet=10.13.0.%d,2001:db8:13::%d\n\tipsec-interface=%d\n\tproxy-arp=yes\n", i, i+1, i+101, i+101, i+801)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "conn policy-%d\n\tright=192.1.11.%d\n\tleftsubnet=10.9.0.0/16\n\trightsubnet=10.90.%d.0/24\n", i, i+1, i)
		fmt.Fprintf(&b, "conn policy-route-%d\n\tright=192.1.12.%d\n\tleftnexthop=192.1.3.254\n\tleftsubnet=10.9.0.0/16\n\tleftsourceip=10.9.0.9\n\trightsubnet=10.91.%d.0/24\n\tmtu=1400\n", i, i+1, i)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "conn vti-%d\n\tright=192.1.8.%d\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.6.%d.0/24\n\tvti-interface=vti%d\n\tvti-routing=yes\n\tmark-in=%d\n", i, i+1, i, i, i+1)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "conn filtered-%d\n\tright=192.1.10.%d\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.8.%d.0/24\n\tipsec-interface=%d\n\taccept=inet/filter\n\tnflog=5\n", i, i+1, i, i+701)
	}
	b.WriteString("conn net\n\tright=192.1.2.200\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.2.200.0/24\n\tipsec-interface=300\n")
	b.WriteString("conn host\n\tright=192.1.4.200\n\tipsec-interface=301\n")
	b.WriteString("conn shared\n\tright=192.1.5.200\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.3.200.0/24\n\tipsec-interface=200\n\tleftinterface-ip=172.16.0.200/32\n")
	b.WriteString("conn sized\n\tright=192.1.6.200\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.4.200.0/24\n\tipsec-interface=430\n\tlink-mtu=auto\n\tmss=auto\n")
	b.WriteString("conn source\n\tright=192.1.7.200\n\tleftsubnet=10.99.0.0/16\n\trightsubnet=10.5.0.0/24\n\tipsec-interface=600\n\troute-by=source\n\ton-loss=withdraw\n")
	b.WriteString("conn external\n\tright=192.1.9.200\n\tleftsubnet=10.1.0.0/16,2001:db8:1::/64\n\trightsubnet=10.7.200.0/24,2001:db8:4::/64\n\tipsec-interface=external\n\tif_id=1200\n\tleftinterface-ip=172.16.1.200\n")
	b.WriteString("conn external-host\n\tright=192.1.9.201\n\tipsec-interface=external\n\tif_id=1201\n")
	b.WriteString("conn proxy\n\tright=192.1.13.200\n\tleftsubnet=10.13.0.0/16,2001:db8:13::/64\n\trightsubnet=10.13.0.200,2001:db8:13::200\n\tipsec-interface=830\n\tproxy-arp=yes\n")
	b.WriteString("conn proxy-elsewhere\n\tright=192.1.13.201\n\tleftsubnet=10.13.0.0/16\n\trightsubnet=10.88.0.200\n\tipsec-interface=831\n\tproxy-arp=yes\n")
	b.WriteString("conn policy\n\tright=192.1.11.200\n\tleftsubnet=10.9.0.0/16\n\trightsubnet=10.90.200.0/24\n\tproxy-arp=yes\n")
	b.WriteString("conn policy-source\n\tright=192.1.11.201\n\tleftnexthop=192.1.3.254\n\tleftsubnet=10.9.0.0/16\n\tleftsourceip=10.9.0.1\n\trightsubnet=10.90.201.0/24\n")
	b.WriteString("conn policy-same\n\tright=192.1.11.202\n\tleftnexthop=192.1.3.254\n\tleftsubnet=10.9.0.0/16\n\tleftsourceip=10.9.0.9\n\trightsubnet=10.91.200.0/24\n\tmtu=1400\n")
	b.WriteString("conn policy-proxy\n\tright=192.1.11.203\n\tleftnexthop=192.1.3.254\n\tleftsubnet=10.13.0.0/16\n\trightsubnet=10.13.0.203\n\tproxy-arp=yes\n")
	b.WriteString("conn vti\n\tright=192.1.8.200\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.6.200.0/24\n\tvti-interface=vti200\n\tvti-routing=yes\n\tmark-in=200\n\tleftvti=172.16.2.1/30\n")
	b.WriteString("conn vti-shared\n\tright=192.1.8.1\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.6.201.0/24\n\tvti-interface=vti0\n\tvti-routing=yes\n\tmark-in=1\n")
	b.WriteString("conn filtered\n\tright=192.1.10.200\n\tleftsubnet=10.1.0.0/16,2001:db8:1::/64\n\trightsubnet=10.8.200.0/24,2001:db8:5::/64\n\tipsec-interface=730\n\taccept=inet/filter,ip6/filter\n\taccept-host=yes\n\tnflog=6\n")
	b.WriteString("conn filtered-alike\n\tright=192.1.10.201\n\tleftsubnet=10.1.0.0/16\n\trightsubnet=10.8.201.0/24\n\tipsec-interface=701\n\taccept=inet/filter\n\tnflog=5\n")
	b.WriteString("conn translated\n\tright=192.1.10.202\n\tleftsubnet=10.1.0.1/32\n\tleftcat=yes\n\trightsubnet=10.8.202.0/24\n\tipsec-interface=731\n\tnflog=5\n")
	return b.String()
}

// TestNear brings single conns up and down on a gateway with many, and looks at
// nothing but what is near them.
func TestNear(t *testing.T) {
	for _, scheme := range []string{"overlay", "not-mark", "two-rules"} {
		t.Run(scheme, func(t *testing.T) { testNear(t, scheme) })
	}
}

func testNear(t *testing.T, scheme string) {
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(manyConf(scheme))}}}, "own.conf")
	conns, more := f.Conns()
	if len(ds)+len(more) > 0 {
		t.Fatal(ds, more)
	}
	for i := range conns {
		conns[i].PolicyBased = conns[i].Link() == ""
	}
	k := &watched{Kernel: fake.New()}
	for _, line := range slices.Concat(convergeKernel, firewallKernel) {
		op, err := plan.ParseOp(line)
		if err == nil {
			err = k.Apply([]plan.Op{op}, func(plan.Op) {})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	e := &updown.Engine{Kernel: k, Store: claim.Open(t.TempDir()), Trace: func(plan.Op) {}}
	if _, err := e.Up(conns[:220]); err != nil {
		t.Fatal(err)
	}
	many := k.Kernel.All()
	for _, c := range conns[220:] {
		for _, step := range []struct {
			name string
			do   func() (plan.Plan, error)
			ops  bool
		}{
			{"up", func() (plan.Plan, error) { return e.Up([]conn.Conn{c}) }, true},
			{"up again", func() (plan.Plan, error) { return e.Up([]conn.Conn{c}) }, false},
			{"down", func() (plan.Plan, error) { return e.Down([]string{c.Name}, nil) }, true},
		} {
			k.unlimited = 0
			p, err := step.do()
			changes := step.ops && c.Name != "policy" // which needs nothing here
			if err != nil || p.Empty() == changes || k.unlimited > 0 {
				t.Errorf("%s %s: %v, %d changes, %d queries for everything", step.name, c.Name, err, len(p.Ops), k.unlimited)
			}
		}
		if now := k.Kernel.All(); len(now) != len(many) {
			t.Errorf("%d objects after %s, want %d", len(now), c.Name, len(many))
		}
	}
}
