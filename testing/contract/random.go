package contract

import (
	"math/rand/v2"
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// underlay is how the host of random states reaches the world.
var underlay = []string{
	"ip link add eth0 type dummy",
	"ip link set dev eth0 up",
	"ip -4 address add 203.0.113.1/24 dev eth0",
	"ip -4 route add default via 203.0.113.254 dev eth0 table main proto static",
	"nft 'add table inet filter; add chain inet filter input { type filter hook input priority filter; }'",
	"nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority filter; }'",
	"ip link add lan type bridge",
	"ip link set dev lan up",
	"ip -4 address add 198.18.7.1/24 dev lan",
	"ip -6 address add 2001:db8:7::1/64 dev lan",
}

// filterTable is the table of its firewall.
var filterTable = firewall.Table{Family: "inet", Name: "filter"}

// bystanders are objects that no claim has to do with; those of somebody else
// must outlive everything.
var bystanders = []string{
	"ip link add other type xfrm if_id 77",
	"ip link set dev other up",
	"ip -4 address add 198.18.0.1/32 dev other",
	"ip -4 route add 198.18.0.0/15 via 203.0.113.2 dev eth0 table main proto static",
	"ip -4 route add 198.51.100.0/25 dev other table main metric 3 proto dhcp",
	"ip -4 rule add priority 150 lookup 77 protocol static",
	"ip -4 rule add priority 98 to 198.51.100.9/32 lookup 77 protocol kernel",
	"ip link add ipsec9 type xfrm if_id 9",
	"ip link set dev ipsec9 alias ipsecif:9",
	"ip link set dev ipsec9 up",
	"ip -4 address add 192.0.2.9/32 dev ipsec9 proto 50",
	"ip -4 route add 10.99.0.0/16 dev ipsec9 table main proto 50",
	"ip -4 route add 10.98.0.0/16 dev eth0 table 60 proto 50",
	"ip -4 neigh add proxy 198.18.7.7 dev lan",
	"ip -4 neigh add proxy 198.18.7.9 dev lan protocol 50",
	"ip -4 rule add priority 98 lookup 50 suppress_prefixlength 0 protocol kernel",
	"ip -6 rule add priority 101 unreachable protocol kernel",
	"ip -4 route add unreachable 10.97.0.0/16 table 50 metric 4294967295 proto kernel",
}

// randomClaims returns claims that have much in common.
func randomClaims(r *rand.Rand) []plan.Claim {
	scheme := pick(r, routing.Overlay, routing.Underlay)
	nets := []string{"10.1.0.0/16", "10.2.0.0/16", "198.51.100.0/24", "198.51.100.7/32", "0.0.0.0/0", "2001:db8:1::/48", "198.18.7.7/32", "198.18.7.8/32", "2001:db8:7::7/128"}
	var claims []plan.Claim
	for i := range 1 + r.IntN(4) {
		n := uint32(1 + r.IntN(4))
		source := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
		t := plan.Tunnel{
			Link: "ipsec" + xfrmi.IfID(n).String(), IfID: xfrmi.IfID(n),
			Peer: netip.MustParseAddr(pick(r, "198.51.100.7", "198.51.100.8", "203.0.113.9")),
			Mark: routing.Mark{Value: pick(r, n, 0x100), Mask: 0xffff}, Scheme: scheme,
			Table: routing.DefaultTable, Priority: routing.DefaultPriority, ByPeer: scheme == routing.Overlay && r.IntN(3) == 0,
			LocalLAN: true, OnLoss: pick(r, plan.Block, plan.Keep), Metric: pick(r, 0, uint32(7)), MTU: pick(r, 0, uint32(1400)),
		}
		for range 1 + r.IntN(2) {
			theirs := netip.MustParsePrefix(pick(r, nets...))
			ours := netip.PrefixFrom(source, 32)
			if theirs.Addr().Is6() {
				ours = netip.MustParsePrefix("2001:db8:2::/48")
			}
			t.Pairs = append(t.Pairs, plan.Pair{Ours: ours, Theirs: theirs})
			if theirs.IsSingleIP() && r.IntN(4) > 0 {
				t.Proxies = append(t.Proxies, theirs.Addr())
			}
		}
		switch r.IntN(5) {
		case 0:
			t.Link, t.External = "ipsec", true
		case 1:
			t.Link, t.IfID = "vti"+t.IfID.String(), 0
			t.VTI = plan.VTI{Local: netip.MustParseAddr("203.0.113.1"), Remote: t.Peer, InKey: n, OutKey: pick(r, n, 7)}
		}
		if r.IntN(6) == 0 {
			t = policyBased(r, t)
		}
		if r.IntN(3) > 0 {
			t.Addrs, t.Sources = []netip.Prefix{netip.PrefixFrom(source, 32)}, []netip.Addr{source}
		}
		t.NFLog = pick(r, 0, 0, uint32(5), 6)
		if r.IntN(3) == 0 {
			t.Accept, t.AcceptHost = []firewall.Table{filterTable}, r.IntN(2) == 0
		}
		if r.IntN(4) == 0 {
			t.CAT, t.Local = source, netip.MustParseAddr("203.0.113.1")
		}
		claims = append(claims, plan.Claim{Name: string(rune('a' + i)), Where: "random", Tunnel: t})
	}
	return claims
}

// policyBased returns what a tunnel is without a device.
func policyBased(r *rand.Rand, t plan.Tunnel) plan.Tunnel {
	return plan.Tunnel{
		PolicyBased: true, Peer: t.Peer, NextHop: netip.MustParseAddr("203.0.113.254"), Pairs: t.Pairs, Proxies: t.Proxies,
		OnLoss: plan.Keep, Metric: t.Metric, MTU: t.MTU, AddrLink: "lo", Route: r.IntN(2) == 0,
	}
}

func pick[T any](r *rand.Rand, choice ...T) T { return choice[r.IntN(len(choice))] }

// populate makes a part of what is wanted, or what is nearly that, ours or of
// somebody else, and some bystanders. What the kernel refuses is left out.
func populate(k updown.Kernel, r *rand.Rand, want plan.State) error {
	for _, line := range underlay {
		op, err := plan.ParseOp(line)
		if err == nil {
			err = k.Apply([]plan.Op{op}, func(plan.Op) {})
		}
		if err != nil {
			return err
		}
	}
	try := func(o plan.Object) { _ = k.Apply([]plan.Op{plan.Making(o)}, func(plan.Op) {}) }
	for _, o := range want.Sorted() {
		switch r.IntN(8) {
		case 0, 1:
		case 2:
			try(variant(r, o))
		case 3:
			try(stranger(r, o))
		default:
			try(o)
		}
	}
	for _, line := range bystanders {
		op, err := plan.ParseOp(line)
		if err != nil {
			return err
		}
		if r.IntN(3) > 0 {
			_ = k.Apply([]plan.Op{op}, func(plan.Op) {}) // perhaps without its link, or there already
		}
	}
	return nil
}

// variant returns an object of ours with the key of another that differs, as far
// as that can be.
func variant(r *rand.Rand, o plan.Object) plan.Object {
	switch o := o.(type) {
	case xfrmi.Link:
		switch {
		case o.IsVTI():
			o.VTI.InKey += pick(r, uint32(0), 20)
		case !o.External:
			o.IfID += pick(r, xfrmi.IfID(0), 20)
		case r.IntN(2) == 0:
			o.External, o.IfID = false, 21
		}
		return o
	case routing.Route:
		if o.Type == routing.Unicast {
			o.MTU, o.Src = pick(r, 0, uint32(1300)), netip.Addr{}
			if o.Table != routing.TableMain { // where ours lead through xfrm interfaces alone
				o.Dev = pick(r, o.Dev, "eth0")
			}
		}
		return o
	case firewall.Entry:
		if o.Action.Group != 0 {
			o.Action.Group = 11 - o.Action.Group // 5 or 6
		}
		return o
	case xfrmi.Attr:
		if o.Name == xfrmi.AttrAlias {
			return o // without it the link would not be ours
		}
		o.Value = map[string]string{"up": "down", "down": "up", "none": "eui64"}[o.Value]
		return o
	}
	return o
}

// stranger returns what somebody else has in the place of an object.
func stranger(r *rand.Rand, o plan.Object) plan.Object {
	switch o := o.(type) {
	case xfrmi.Link:
		return pick(r, xfrmi.Link{Name: o.Name, Kind: o.Kind, IfID: o.IfID, External: o.External, VTI: o.VTI}, xfrmi.Link{Name: o.Name, Kind: "dummy"})
	case xfrmi.Attr:
		if o.Name == xfrmi.AttrAlias {
			o.Value = pick(r, "mine", "")
		}
		return o
	case xfrmi.Addr:
		o.Mine = false
		return o
	case routing.Route:
		if r.IntN(3) == 0 { // equal, but for who made it
			o.Protocol = 4
			return o
		}
		s := routing.Route{Table: o.Table, Type: pick(r, routing.Blackhole, routing.Unicast), Dst: o.Dst, Metric: o.Metric, Protocol: 4}
		if s.Type == routing.Unicast {
			s.Dev = "eth0"
		}
		return s
	case routing.Rule:
		if r.IntN(3) == 0 {
			o.Protocol = 4
			return o
		}
		return routing.Rule{Family: o.Family, Priority: o.Priority, Action: routing.Lookup, Table: 77, Suppress: routing.NoSuppress, Protocol: 4}
	}
	return o
}
