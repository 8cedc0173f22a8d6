package updown_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// convergeConf has conns that share everything that conns can share: links,
// rules, routes, sources and peers.
const convergeConf = `
conn %default
	left=192.1.3.209

conn road
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	right=192.1.2.23
	rightsubnet=0.0.0.0/0
	ipsec-interface=1
	link-mtu=auto
	mss=auto
	nflog=5
	accept=inet/filter

conn same-peer
	right=192.1.2.23
	rightsubnet=192.1.2.0/24
	ipsec-interface=2
	mark-out=0x100/0xff00
	mss=1300

conn host
	right=192.1.2.45
	ipsec-interface=0
	mark-out=0x100/0xff00

conn on-link
	right=192.1.3.33
	ipsec-interface=3
	on-loss=withdraw
	link-mtu=1200
	mss=auto

conn six
	left=2001:db8:1:3::209
	leftsubnet=2001:db8:0:2::101/128
	leftsourceip=2001:db8:0:2::101
	right=2001:db8:1:2::23
	rightsubnet=::/0
	ipsec-interface=5
	link-mtu=auto
	mss=auto
`

// externalConf has conns that share an external interface, two of them also the
// if_id.
const externalConf = `
conn external-net
	leftsubnet=10.10.0.0/16,2001:db8:5::/64
	leftsourceip=10.10.0.1,2001:db8:5::1
	right=192.1.2.71
	rightsubnet=192.1.2.71/32,10.71.0.0/16,2001:db8:51::/64
	ipsec-interface=external
	if_id=51
	on-loss=block
	nflog=6
	accept=inet/filter,ip6/filter

conn external-host
	right=192.1.2.72
	ipsec-interface=external
	if_id=52

conn external-same-id
	leftsubnet=10.9.0.0/16
	leftinterface-ip=10.9.0.2/24
	right=192.1.2.72
	rightsubnet=192.1.2.72/32,10.72.0.0/16
	ipsec-interface=external
	if_id=52
	accept=inet/filter
	accept-host=yes
`

// vtiConf has VTI devices, two conns on one of them.
const vtiConf = `
conn vti
	leftsubnet=10.11.0.0/16
	leftvti=10.255.0.1/30
	right=%any
	left=2001:db8:1:3::209
	rightsubnet=10.61.0.0/16
	mark=61
	vti-interface=ipsec-vti
	vti-routing=yes
	on-loss=block

conn vti-shared-a
	leftsubnet=10.11.0.0/16
	right=%any
	rightsubnet=10.62.0.0/16
	mark-in=62
	mark-out=0x100/0xff00
	vti-interface=ipsec-shared
	vti-routing=yes
	vti-shared=yes

conn vti-shared-b
	leftsubnet=0.0.0.0/0
	leftsourceip=10.12.0.1
	right=%any
	rightsubnet=0.0.0.0/0
	mark-in=62
	mark-out=0x100/0xff00
	vti-interface=ipsec-shared
	vti-shared=yes
`

// mixedConf has IPv4 and IPv6 inside IPv4, and a tunnel whose routes depend on
// the addresses of the other.
const mixedConf = `
conn mixed
	leftsubnet=192.0.2.105/32,2001:db8:9::1/128
	leftsourceip=192.0.2.105,2001:db8:9::1
	right=192.1.2.48
	rightsubnet=192.1.2.48/32,2001:db8:99::/64
	ipsec-interface=8
	on-loss=block

conn beside
	leftsubnet=10.9.0.0/16
	right=192.1.2.49
	rightsubnet=192.1.2.49/32,10.6.0.0/16
	ipsec-interface=8
	on-loss=keep
	nflog=5
	accept=inet/filter
`

// proxyConf has remote ends in the net of a LAN, one of them twice.
const proxyConf = `
conn proxy
	leftsubnet=10.13.0.0/16,2001:db8:13::/64
	right=192.1.2.85
	rightsubnet=192.1.2.85/32,10.13.0.81/32,2001:db8:13::81/128
	ipsec-interface=31
	on-loss=block
	proxy-arp=yes

conn proxy-too
	leftsubnet=10.13.0.0/16,2001:db8:13::/64
	right=192.1.2.86
	rightsubnet=192.1.2.86/32,10.13.0.99/32,2001:db8:13::82/128,10.13.0.81/32
	ipsec-interface=32
	on-loss=withdraw
	metric=9
	proxy-arp=yes
`

// policyConf has conns without a device that share what they need.
const policyConf = `
conn policy
	leftsubnet=10.14.0.0/16,2001:db8:14::/64
	leftsourceip=10.14.0.1,2001:db8:14::1
	leftnexthop=192.1.3.254
	right=192.1.2.91
	rightsubnet=10.94.0.0/16,2001:db8:94::/48

conn policy-too
	leftsubnet=10.14.0.0/16
	leftsourceip=10.14.0.1
	leftnexthop=192.1.3.254
	right=192.1.2.92
	rightsubnet=10.94.0.0/16,10.13.0.94/32,10.200.1.0/24
	proxy-arp=yes
`

// byPeerConf is for the overlay scheme alone: peers that are in the nets of
// others, but not in their own; some share a route, and not its source.
const byPeerConf = `
conn same-link
	leftsubnet=192.0.2.102/32
	leftsourceip=192.0.2.102
	right=192.1.2.23
	rightsubnet=10.1.0.0/16
	on-loss=block
	ipsec-interface=1
	escape=peer

conn net
	leftsubnet=10.9.0.0/16
	right=192.1.2.46
	rightsubnet=10.2.0.0/16,10.3.0.0/16
	ipsec-interface=4
	metric=7
	escape=peer

conn dual
	leftsubnet=192.0.4.0/24,2001:db8:4::/64
	leftsourceip=192.0.4.1,2001:db8:4::1
	right=192.1.2.47
	rightsubnet=10.4.0.0/16,2001:db8:44::/64
	ipsec-interface=6
	on-loss=block
	escape=peer

conn sourced-high
	leftsubnet=10.8.0.0/16
	leftsourceip=10.8.0.2
	right=192.1.2.54
	rightsubnet=10.60.0.0/16
	ipsec-interface=13
	escape=peer

conn sourced-low
	leftsubnet=10.8.0.0/16
	leftsourceip=10.8.0.1
	right=192.1.2.54
	rightsubnet=10.60.0.0/16
	ipsec-interface=13
	escape=peer

conn sourced-not
	leftsubnet=10.9.0.0/16
	right=192.1.2.54
	rightsubnet=10.60.0.0/16
	ipsec-interface=13
	escape=peer

conn source-a
	leftsubnet=10.21.0.0/16
	leftsourceip=10.21.0.1
	right=192.1.2.61
	rightsubnet=10.30.0.0/16
	ipsec-interface=21
	route-by=source
	escape=peer
	on-loss=block

conn source-b
	leftsubnet=10.22.0.0/16
	leftsourceip=10.22.0.1
	right=192.1.2.62
	rightsubnet=10.30.0.0/16
	ipsec-interface=22
	route-by=source
	escape=peer
	metric=9
	on-loss=block

conn by-peer
	right=192.1.2.99
	rightsubnet=192.1.0.0/16
	ipsec-interface=7
	escape=peer

conn in-vrf
	leftsubnet=192.0.6.1/32,2001:db8:7::1/128
	leftsourceip=192.0.6.1,2001:db8:7::1
	right=192.1.2.50
	rightsubnet=0.0.0.0/0,2001:db8:77::/64
	ipsec-interface=11
	on-loss=block
	escape=peer
	vrf=red

conn in-netns
	leftsubnet=192.0.6.1/32,2001:db8:7::1/128
	leftsourceip=192.0.6.1,2001:db8:7::1
	right=192.1.2.53
	rightsubnet=0.0.0.0/0,2001:db8:78::/64
	ipsec-interface=12
	link-name=ipsec11
	on-loss=block
	escape=peer
	netns=green

conn loopback
	leftsubnet=192.0.6.1/32
	leftsourceip=192.0.6.1
	right=192.1.2.51
	rightsubnet=10.7.0.0/16
	ipsec-interface=9
	escape=peer
	interface-ip-dev=lo

conn loopback-too
	leftsubnet=192.0.6.1/32
	leftsourceip=192.0.6.1
	right=192.1.2.52
	rightsubnet=10.8.0.0/16
	ipsec-interface=10
	escape=peer
	multicast=yes
	interface-ip-dev=lo
`

// schemes are those that a history may have.
var schemes = []string{"overlay", "underlay", "not-mark", "mark-underlay", "two-rules"}

var convergeKernel = []string{
	"sysctl -w net.ipv4.conf.default.rp_filter=1",
	"ip link add eth0 type dummy",
	"ip -4 address add 192.1.3.209/24 dev eth0",
	"ip -4 route add default via 192.1.3.254 dev eth0 table main proto dhcp",
	"ip -6 address add 2001:db8:1:3::209/64 dev eth0",
	"ip -6 route add default via 2001:db8:1:3::254 dev eth0 table main metric 1024 proto static",
	"ip -4 rule add priority 150 lookup 77 protocol boot",
	"ip link add red type vrf table 10",
	"ip link add lan type bridge",
	"ip -4 address add 10.13.0.1/16 dev lan",
	"ip -6 address add 2001:db8:13::1/64 dev lan",
	"ip -4 neigh add proxy 10.13.0.99 dev lan",
	"ip -4 route add 10.200.0.0/16 via 192.1.3.1 dev eth0 table main proto static",
}

// convergeNetns is what the network namespace green has of its own, among it a
// way out that nothing protected may take.
var convergeNetns = []string{
	"ip -n green link add eth0 type dummy",
	"ip -n green -4 address add 10.99.0.2/24 dev eth0",
	"ip -n green -4 route add default via 10.99.0.1 dev eth0 table main proto static",
}

// world is a host on which things happen, and what must always hold there.
type world struct {
	t       *testing.T
	kernel  *fake.Kernel
	dir     string
	scheme  string
	conns   []conn.Conn
	managed plan.Managed
	foreign plan.State
	green   plan.State             // what the network namespace green has of its own
	steady  map[string]plan.Tunnel // have been up, and nobody took them down
	leaving map[string]plan.Tunnel // were steady, and are being taken down
	broken  bool                   // somebody took something of ours away

	nic     string // the name of the device to the outside
	renames int

	strange plan.State // of foreign, what is in places that conns need
	adopt   bool       // may their places be taken?
}

func newWorld(t *testing.T, scheme string) *world {
	w := &world{t: t, scheme: scheme, kernel: fake.New(), dir: t.TempDir(), strange: plan.State{}, steady: map[string]plan.Tunnel{}, nic: "eth0"}
	text := "config setup\n\trule-priority=1100\n\tscheme=" + scheme + "\n" + convergeConf
	switch scheme {
	case "overlay":
		text += byPeerConf
	case "not-mark": // one mark for all
		text = strings.Replace(text, "conn %default\n", "conn %default\n\tmark-out=0x100/0xff00\n", 1)
	}
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(text + mixedConf + proxyConf + policyConf + externalConf + vtiConf + firewallConf)}}}, "own.conf")
	conns, more := f.Conns()
	if err := errors.Join(ds.Err(), more.Err()); err != nil {
		t.Fatal(err)
	}
	for i := range conns {
		conns[i].PolicyBased = conns[i].Link() == ""
	}
	w.conns = conns
	w.managed = plan.Managed{plan.DefaultPlace, {Table: 50, Priority: 1100}, {Table: 10}}
	w.apply(convergeKernel)
	w.apply(firewallKernel)
	w.newNetns()
	w.foreign = w.foreignState()
	w.kernel.After = w.hold
	return w
}

// apply is how somebody else changes the host.
func (w *world) apply(lines []string) {
	for _, line := range lines {
		op, err := plan.ParseOp(line)
		if err == nil {
			err = w.kernel.Apply([]plan.Op{op}, func(plan.Op) {})
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// newNetns makes the network namespace green, anew if there is one.
func (w *world) newNetns() {
	hold := w.kernel.After
	w.kernel.After = nil // as long as its own ways are not complete
	w.kernel.DelNetns("green")
	w.kernel.AddNetns("green")
	w.apply(convergeNetns)
	w.green, w.kernel.After = maps.Clone(w.kernel.In("green").State), hold
}

func (w *world) foreignState() plan.State {
	s := plan.State{}
	for key, o := range w.kernel.State {
		link := plan.LinkOf(o)
		if l, ok := o.(xfrmi.Link); ok {
			link = l.Name
		}
		if !w.managed.Owns(o) && !w.isTunnel(link) && key != w.rpFilter(0).Key() {
			s[key] = o
		}
	}
	return s
}

// isTunnel reports whether a link leads into tunnels.
func (w *world) isTunnel(link string) bool { return w.isTunnelIn("", link) }

func (w *world) isTunnelIn(netns, link string) bool {
	l, _ := w.kernel.In(netns).State[xfrmi.Link{Name: link}.Key()].(xfrmi.Link)
	return l.IsTunnel()
}

// rpFilter is the setting of the device to the outside.
func (w *world) rpFilter(value int) routing.Sysctl {
	return routing.Sysctl{Link: w.nic, Name: routing.SysctlRPFilter, Value: value}
}

// hold checks, after every single operation, what users rely on.
func (w *world) hold(op plan.Op) {
	for name, t := range w.leaving {
		if t.PolicyBased {
			continue // see below
		}
		r, ok := w.kernel.Lookup(fake.Packet{To: t.Peer, Mark: t.Mark.Value})
		if ok && r.Dev == t.Link {
			w.t.Fatalf("after %s: ESP of %s, which is going down, loops: %s", op, name, r)
		}
	}
	for name, t := range w.steady {
		if t.PolicyBased {
			continue // SPs take its packets, and there are none here
		}
		for _, p := range t.Pairs {
			inside := t.Peer.IsValid() && p.Theirs.Contains(t.Peer)
			if inside || t.Netns != "" {
				r, ok := w.kernel.Lookup(fake.Packet{To: t.Peer, Mark: t.Mark.Value})
				if ok && w.isTunnel(r.Dev) {
					w.t.Fatalf("after %s: ESP of %s loops: %s", op, name, r)
				}
			}
			if t.OnLoss == plan.Withdraw || t.OnLoss == plan.Keep && w.broken {
				continue
			}
			for _, to := range samples(p.Theirs) {
				for _, packet := range w.packets(to, t) {
					r, ok := w.kernel.In(t.Netns).Lookup(packet)
					if ok && !w.isTunnelIn(t.Netns, r.Dev) && !w.bypasses(t, p, r) {
						w.t.Fatalf("after %s: packets of %s to %s leave in the clear: %s", op, name, to, r)
					}
				}
			}
		}
	}
}

// packets returns the plain packets to an address: made here, forwarded, and
// forwarded after they came out of a tunnel with its mark. libreswan's layout
// sends the last ones to a peer in the clear.
func (w *world) packets(to netip.Addr, t plan.Tunnel) []fake.Packet {
	from := netip.Addr{}
	if t.BySource {
		from = t.Pairs[0].Ours.Addr().Next()
	}
	ps := []fake.Packet{{To: to, VRF: t.VRF}, {To: to, From: from, VRF: t.VRF}, {To: to, From: from, Forwarded: true, VRF: t.VRF}}
	if w.scheme != "underlay" {
		ps = append(ps, fake.Packet{To: to, From: from, Forwarded: true, Mark: t.Mark.Value, VRF: t.VRF})
	}
	return ps
}

// bypasses reports whether a route of main may win over the default route of a
// tunnel.
func (w *world) bypasses(t plan.Tunnel, p plan.Pair, r routing.Route) bool {
	return p.Theirs.Bits() == 0 && r.Dst.Bits() > 0 && r.Table == routing.TableMain
}

// samples returns addresses of a net: its first, its last of the first two
// bytes, and a few elsewhere for a default route.
func samples(p netip.Prefix) []netip.Addr {
	if p.Bits() > 0 {
		return []netip.Addr{p.Addr(), p.Addr().Next()}[:min(2, 1+p.Addr().BitLen()-p.Bits())]
	}
	if p.Addr().Is4() {
		return []netip.Addr{netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("192.1.2.200"), netip.MustParseAddr("10.1.0.1")}
	}
	return []netip.Addr{netip.MustParseAddr("2001:db8:64::10"), netip.MustParseAddr("2001:db8:1:2::23")}
}

func (w *world) engine() *updown.Engine {
	return &updown.Engine{Kernel: w.kernel, Store: claim.Open(w.dir), Managed: w.managed, Adopt: w.adopt, Trace: func(plan.Op) {}}
}

func (w *world) names() []string {
	var names []string
	for _, c := range w.conns {
		names = append(names, c.Name)
	}
	return names
}

// claimed returns what is claimed on disk.
func (w *world) claimed() map[string]plan.Tunnel {
	claims, _, err := claim.Open(w.dir).All()
	if err != nil {
		w.t.Fatal(err)
	}
	m := map[string]plan.Tunnel{}
	for _, c := range claims {
		m[c.Name] = c.Tunnel
	}
	return m
}

// step does what two bytes say: which conn, and what happens to it.
func (w *world) step(which, what byte) {
	c := w.conns[int(which)%len(w.conns)]
	w.adopt = which >= 128
	switch what % 9 {
	case 0, 1:
		if what%9 == 1 && what >= 64 {
			w.daemon(c, int(which)/len(w.conns), int(what)/9-7)
			break
		} else if what >= 128 {
			w.repair()
			break
		}
		w.up(c)
	case 2:
		if w.adopt && what >= 128 {
			w.collect()
		} else {
			w.down(c)
		}
	case 3: // an operation of up fails
		w.kernel.FailAt = 1 + int(what)/8
		w.failedUp(c)
		w.kernel.FailAt = 0
	case 4, 5: // killed in the middle of up or down
		w.kill(1+int(what)/8, func() {
			if what%9 == 4 {
				w.up(c)
			} else {
				w.down(c)
			}
		})
		w.broken = true
	case 6: // somebody renames the link, or takes it away, or down, or its namespace away, or loads a firewall
		if what&32 != 0 {
			w.flush(which)
			w.broken = true
			break
		}
		if c.Netns != "" {
			w.newNetns()
			delete(w.steady, c.Name)
			w.broken = true
			break
		}
		if what&64 != 0 {
			w.rename(w.linkOf(c))
			break
		}
		w.broken = true
		w.disturb(w.linkOf(c), what >= 128)
	case 7:
		switch what / 9 % 4 {
		case 0: // somebody renames the underlay device, or the default gateway changes
			if what&64 != 0 && len(w.strange) == 0 {
				w.nic = w.rename(w.nic)
				break
			}
			w.reroute(what >= 128)
			w.broken = w.broken || routing.Scheme(w.scheme).InMain() // which pin the next hop
		case 1, 2: // a stranger fills a place
			if w.nic == "eth0" { // which strangers know by its first name
				w.intrude(int(which))
			}
		case 3: // and goes away
			w.retreat(int(which))
		}
	case 8: // other SAs
		w.rekey(c, what/9)
	}
	if !w.broken && !w.intruded() {
		w.inSync()
	}
}

// outbound returns an SA to the peer of a conn.
func outbound(c conn.Conn, esp xfrmi.ESP) plan.SA {
	return plan.SA{IfID: xfrmi.IfID(c.Interface.IfID), Direction: plan.Out, Src: c.Left.Host.Addr, Dst: c.Right.Host.Addr, Proto: plan.ProtoESP, ESP: esp}
}

// rekey lets an IKE daemon make other SAs, whose sizes follow from a number, or
// none; up then finds the right MTU.
func (w *world) rekey(c conn.Conn, n byte) {
	id := xfrmi.IfID(c.Interface.IfID)
	w.kernel.SAs = slices.DeleteFunc(w.kernel.SAs, func(sa plan.SA) bool { return sa.IfID == id })
	if n%3 > 0 {
		esp := xfrmi.ESP{Mode: xfrmi.Tunnel, UDP: n%2 == 0, Cipher: xfrmi.Cipher{IV: 8, ICV: 8 + int(n%3)*4, Block: 4}}
		w.kernel.SAs = append(w.kernel.SAs, outbound(c, esp))
	}
	w.up(c)
}

// up brings a conn up, which strangers may prevent unless their places are
// taken.
func (w *world) up(c conn.Conn) {
	if _, err := w.engine().Up([]conn.Conn{c}); w.prevented(err) {
		return
	} else if err != nil {
		w.t.Fatalf("up %s (adopt=%v): %v", c.Name, w.adopt, err)
	}
	// A stranger in a table of others is not near the conn, but seen by plan.
	p, err := w.engine().Plan([]conn.Conn{c})
	if !w.prevented(err) && (err != nil || !p.Empty()) {
		w.t.Fatalf("up %s left something to do: %v %v", c.Name, p.Ops, err)
	}
	w.steady[c.Name] = w.claimed()[c.Name]
}

// prevented reports whether an error is about strangers who are in the way.
func (w *world) prevented(err error) bool {
	return err != nil && w.intruded() && (strings.Contains(err.Error(), "or use --adopt") && !w.adopt || strings.Contains(err.Error(), "somebody else"))
}

func (w *world) down(c conn.Conn) {
	w.leaving = map[string]plan.Tunnel{}
	if t, ok := w.steady[c.Name]; ok {
		w.leaving[c.Name] = t
	}
	defer func() { w.leaving = nil }()
	delete(w.steady, c.Name)
	if _, err := w.engine().Down([]string{c.Name}, []conn.Conn{c}); err != nil {
		w.t.Fatalf("down %s: %v", c.Name, err)
	}
}

func (w *world) inSync() {
	if s, err := w.engine().Status(w.conns, true); err != nil || s.Differs() {
		w.t.Fatalf("status: %+v %v", s, err)
	}
}

// end brings everything up, then down, and expects the host as it was found.
func (w *world) end() {
	w.adopt = true
	if w.broken {
		w.endDaemons()
	}
	if _, err := w.engine().Up(w.conns); err != nil {
		w.t.Fatalf("up all: %v", err)
	}
	w.inSync()
	w.steady, w.leaving = nil, w.claimed()
	if _, err := w.engine().Down(w.withDaemons(w.names()), w.conns); err != nil {
		w.t.Fatalf("down all: %v", err)
	}
	if green := w.kernel.In("green").State; !maps.Equal(green, w.green) {
		w.t.Errorf("green has %v, want %v", green, w.green)
	}
	now := w.foreignState()
	for key := range now {
		if w.foreign[key] != now[key] {
			w.t.Errorf("changed: %s", now[key])
		}
	}
	for _, o := range w.kernel.State {
		if l, ok := o.(xfrmi.Link); w.managed.Owns(o) || ok && w.isTunnel(l.Name) {
			w.t.Errorf("left: %s", o)
		}
	}
	for key, o := range w.foreign {
		if now[key] == nil {
			w.t.Errorf("gone: %s", o)
		}
	}
	if n := w.kernel.State[w.rpFilter(0).Key()]; n != w.rpFilter(1) {
		w.t.Errorf("rp_filter is not restored: %s", n)
	}
}

// FuzzConverge does to a host what the bytes say. After every operation no ESP
// loops and no protected packet leaves in the clear; after every command the
// kernel is as the claims ask; in the end it is as it was found.
func FuzzConverge(f *testing.F) {
	f.Add("overlay", []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0})
	f.Add("overlay", []byte{0, 0, 2, 0, 0, 2, 2, 2})
	f.Add("overlay", []byte{0, 43, 0, 4, 0, 0, 0, 14, 0, 134, 0, 12, 0, 20, 0, 28, 0, 36, 0, 44, 0, 52, 0, 60})
	f.Add("overlay", []byte{0, 0, 6, 0, 0, 13, 6, 21, 0, 0, 0, 29, 6, 37, 1, 0, 0, 5})
	f.Add("overlay", []byte{1, 0, 0, 0, 0, 2, 0, 7, 1, 135, 0, 0})
	f.Add("overlay", []byte("2\x0471"))
	f.Add("overlay", []byte{8, 0, 9, 0, 10, 0, 10, 0, 9, 2, 8, 0, 9, 0, 10, 2})
	f.Add("overlay", []byte{0, 0, 0, 70, 2, 0, 2, 71, 0, 6, 0, 0, 0, 70, 0, 2, 2, 2})
	f.Add("overlay", []byte{0, 0, 4, 0, 3, 0, 3, 0, 0, 2, 3, 2, 5, 0})
	f.Add("two-rules", []byte{5, 0, 6, 0, 5, 2, 5, 0, 6, 2})
	f.Add("underlay", []byte{3, 0, 5, 0, 3, 2, 4, 0, 4, 14, 4, 0})
	f.Add("not-mark", []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0, 2, 1, 14, 2, 4})
	f.Add("mark-underlay", []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0, 2, 1, 14, 2, 4})
	f.Add("two-rules", []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0, 2, 1, 14, 2, 4})
	f.Add("mark-underlay", []byte{193, 10, 234, 126, 120, 244, 5, 97, 160, 71, 93, 30, 174, 228, 120, 189, 5, 118})
	f.Fuzz(func(t *testing.T, scheme string, steps []byte) {
		if !slices.Contains(schemes, scheme) || len(steps) > 64 {
			t.Skip()
		}
		w := newWorld(t, scheme)
		for i := 0; i+1 < len(steps); i += 2 {
			w.step(steps[i], steps[i+1])
		}
		w.end()
	})
}

// TestConverge does at random what FuzzConverge searches for; a failure names
// the seed.
func TestConverge(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		steps := make([]byte, 64)
		for i := range steps {
			steps[i] = byte(r.Uint32())
		}
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, schemes[seed%uint64(len(schemes))])
			for i := 0; i < len(steps); i += 2 {
				w.step(steps[i], steps[i+1])
			}
			w.end()
		})
	}
}
