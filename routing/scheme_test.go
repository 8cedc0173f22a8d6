package routing

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// demand is a complete one; tests change a field or two.
func demand(dst string) Demand {
	return Demand{
		Dst: netip.MustParsePrefix(dst), Dev: "ipsec1", Peer: netip.MustParseAddr("192.1.2.23"),
		Path: Path{Dev: "eth0", Via: netip.MustParseAddr("192.1.3.254")}, Mark: Mark{1, 0xffffffff},
		Default: Path{Dev: "eth0", Via: netip.MustParseAddr("192.1.3.254")},
		Attract: true, Block: true, LocalLAN: true, Table: 50, Priority: 100,
	}
}

// overIPv6 puts the peer of a demand behind an IPv6 address.
func overIPv6(d *Demand) {
	d.Peer = netip.MustParseAddr("2001:db8::9")
	d.Path = Path{Dev: "eth0", Via: netip.MustParseAddr("2001:db8::1")}
	d.Default = d.Path
}

func text(l Layout) string {
	var lines []string
	for _, r := range l.Rules {
		lines = append(lines, fmt.Sprint(r.Family.Flag(), " ", r))
	}
	for _, r := range l.Routes {
		lines = append(lines, r.String())
	}
	return strings.Join(lines, "\n")
}

func TestEnclosed(t *testing.T) {
	for _, tt := range []struct {
		dst    string
		change func(*Demand)
		want   string
	}{
		{"0.0.0.0/0", func(d *Demand) {}, `
unreachable default table 50 metric 4294967295 proto kernel
default dev ipsec1 table 50 proto 50`},
		{"192.1.2.23/32", func(d *Demand) { d.Block, d.Metric, d.MarkOut = false, 7, true }, `
192.1.2.23/32 dev ipsec1 table 50 metric 7 proto 50`},
		{"2001:db8::/32", func(d *Demand) { d.ByPeer = true }, `
-4 priority 97 to 192.1.2.23/32 iif lo lookup main protocol kernel
unreachable 2001:db8::/32 table 50 metric 4294967295 proto kernel
2001:db8::/32 dev ipsec1 table 50 metric 1024 proto 50`},
		{"0.0.0.0/0", func(d *Demand) { d.Attract = false }, ``},
		{"0.0.0.0/0", func(d *Demand) { d.Table = TableMain }, `
unreachable 0.0.0.0/1 table main metric 4294967295 proto kernel
0.0.0.0/1 dev ipsec1 table main proto 50
unreachable 128.0.0.0/1 table main metric 4294967295 proto kernel
128.0.0.0/1 dev ipsec1 table main proto 50`},
	} {
		d := demand(tt.dst)
		tt.change(&d)
		if got := text(d.Enclosed()); got != strings.TrimSpace(tt.want) {
			t.Errorf("%s: got\n%s\nwant%s", tt.dst, got, tt.want)
		}
	}
}

func TestLayoutsBySource(t *testing.T) {
	from := func(nets ...string) (all []netip.Prefix) {
		for _, n := range nets {
			all = append(all, netip.MustParsePrefix(n))
		}
		return all
	}
	tests := []struct {
		name, dst string
		change    func(*Demand)
		want      string
	}{
		{"peer outside", "192.0.2.0/24", func(d *Demand) { d.From, d.Block = from("192.0.3.0/24", "192.0.30.0/24"), false }, `
-4 priority 88 from 192.0.3.0/24 to 192.0.2.0/24 lookup 50000001 protocol kernel
-4 priority 88 from 192.0.30.0/24 to 192.0.2.0/24 lookup 50000001 protocol kernel
192.0.2.0/24 dev ipsec1 table 50000001 proto 50`},
		{"peer inside, own packets", "192.1.2.0/24", func(d *Demand) { d.From, d.Src, d.Metric = from("192.0.3.0/24"), netip.MustParseAddr("192.0.3.1"), 7 }, `
-4 priority 87 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel
-4 priority 88 from 192.0.3.0/24 to 192.1.2.0/24 lookup 50000001 protocol kernel
-4 priority 91 iif lo lookup 50000000 suppress_prefixlength 0 protocol kernel
unreachable 192.1.2.0/24 table 50000001 metric 4294967295 proto kernel
192.1.2.0/24 dev ipsec1 table 50000001 metric 7 src 192.0.3.1 proto 50
unreachable 192.1.2.0/24 table 50000000 metric 4294967295 proto kernel
192.1.2.0/24 dev ipsec1 table 50000000 metric 7 src 192.0.3.1 proto 50`},
		{"default route", "::/0", func(d *Demand) {
			d.From, d.Peer, d.ByPeer = from("2001:db8:3::/64"), netip.MustParseAddr("2001:db8::9"), true
		}, `
-6 priority 87 to 2001:db8::9/128 iif lo lookup main protocol kernel
-6 priority 89 from 2001:db8:3::/64 lookup main suppress_prefixlength 0 protocol kernel
-6 priority 90 from 2001:db8:3::/64 lookup 50000001 protocol kernel
-6 priority 91 from 2001:db8:3::/64 unreachable protocol kernel
default dev ipsec1 table 50000001 metric 1024 proto 50`},
		{"everything but the LAN, open", "0.0.0.0/0", func(d *Demand) { d.From, d.Block, d.LocalLAN = from("192.0.3.0/24"), false, false }, `
-4 priority 87 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel
-4 priority 90 from 192.0.3.0/24 lookup 50000001 protocol kernel
default dev ipsec1 table 50000001 proto 50`},
		{"from everywhere", "192.0.2.0/24", func(d *Demand) { d.From, d.Block = from("0.0.0.0/0"), false }, `
-4 priority 88 to 192.0.2.0/24 lookup 50000001 protocol kernel
192.0.2.0/24 dev ipsec1 table 50000001 proto 50`},
		{"escape only", "0.0.0.0/0", func(d *Demand) { d.From, d.Attract = from("192.0.3.0/24"), false }, `
-4 priority 87 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := demand(tt.dst)
			d.Table, _ = SourceTableOf(1)
			d.Priority = SourcePriority
			tt.change(&d)
			if got := text(Overlay.Layout(d)); got != strings.TrimSpace(tt.want) {
				t.Errorf("got\n%s\nwant%s", got, tt.want)
			}
		})
	}
}

func TestLayouts(t *testing.T) {
	tests := []struct {
		name   string
		scheme Scheme
		dst    string
		change func(*Demand)
		want   string
	}{
		{"peer outside", Overlay, "192.0.2.0/24", func(d *Demand) { d.Block = false }, `
192.0.2.0/24 dev ipsec1 table main proto 50`},
		{"peer outside, mark asked for", Overlay, "192.0.2.0/24", func(d *Demand) { d.Block, d.MarkOut = false, true }, `
192.0.2.0/24 dev ipsec1 table main proto 50`},
		{"peer outside, default route", Overlay, "::/0", func(d *Demand) { d.Block = false }, `
-6 priority 98 lookup 50 suppress_prefixlength 0 protocol kernel
-6 priority 99 lookup main suppress_prefixlength 0 protocol kernel
-6 priority 100 lookup 50 protocol kernel
default dev ipsec1 table 50 metric 1024 proto 50`},
		{"LAN through the tunnel", Overlay, "0.0.0.0/0", func(d *Demand) { d.LocalLAN = false }, `
-4 priority 97 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel
-4 priority 98 lookup 50 suppress_prefixlength 0 protocol kernel
-4 priority 100 lookup 50 protocol kernel
-4 priority 101 unreachable protocol kernel
default dev ipsec1 table 50 proto 50`},
		{"escape only", Overlay, "0.0.0.0/0", func(d *Demand) { d.Attract = false }, `
-4 priority 97 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel`},
		{"escape by peer", Overlay, "192.1.0.0/16", func(d *Demand) { d.ByPeer = true }, `
-4 priority 97 to 192.1.2.23/32 iif lo lookup main protocol kernel
-4 priority 98 lookup 50 suppress_prefixlength 0 protocol kernel
unreachable 192.1.0.0/16 table 50 metric 4294967295 proto kernel
192.1.0.0/16 dev ipsec1 table 50 proto 50`},
		{"other place, source, metric and MTU", Overlay, "192.1.2.23/32", func(d *Demand) {
			d.Table, d.Priority, d.Src, d.Metric, d.MTU = 1000, 5000, netip.MustParseAddr("192.1.3.9"), 7, 1400
		}, `
-4 priority 4997 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel
-4 priority 4998 lookup 1000 suppress_prefixlength 0 protocol kernel
unreachable 192.1.2.23/32 table 1000 metric 4294967295 proto kernel
192.1.2.23/32 dev ipsec1 table 1000 metric 7 src 192.1.3.9 mtu 1400 proto 50`},
		{"peer outside", Underlay, "192.0.2.0/24", func(d *Demand) { d.Block = false }, `
192.0.2.0/24 dev ipsec1 table main proto 50`},
		{"peer outside, mark asked for", Underlay, "192.0.2.0/24", func(d *Demand) { d.Block, d.MarkOut = false, true }, `
-4 priority 100 to 192.0.2.0/24 fwmark 0x1/0xffffffff lookup 50 protocol kernel
192.1.2.23/32 via 192.1.3.254 dev eth0 table 50 proto 50
192.0.2.0/24 dev ipsec1 table main proto 50`},
		{"IPv6 inside IPv4, mark asked for", Underlay, "2001:db8::/32", func(d *Demand) { d.Block, d.MarkOut = false, true }, `
2001:db8::/32 dev ipsec1 table main metric 1024 proto 50`},
		{"peer inside", Underlay, "192.1.2.23/32", func(d *Demand) {}, `
-4 priority 100 to 192.1.2.23/32 fwmark 0x1/0xffffffff lookup 50 protocol kernel
192.1.2.23/32 via 192.1.3.254 dev eth0 table 50 proto 50
unreachable 192.1.2.23/32 table main metric 4294967295 proto kernel
192.1.2.23/32 dev ipsec1 table main proto 50`},
		{"default route in halves", Underlay, "::/0", func(d *Demand) {
			d.Peer, d.Path.Via = netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("2001:db8::1")
		}, `
-6 priority 100 fwmark 0x1/0xffffffff lookup 50 protocol kernel
2001:db8::9/128 via 2001:db8::1 dev eth0 table 50 metric 1024 proto 50
unreachable ::/1 table main metric 4294967295 proto kernel
::/1 dev ipsec1 table main metric 1024 proto 50
unreachable 8000::/1 table main metric 4294967295 proto kernel
8000::/1 dev ipsec1 table main metric 1024 proto 50`},
		{"IPv4 inside IPv6", Underlay, "0.0.0.0/0", overIPv6, `
unreachable 0.0.0.0/1 table main metric 4294967295 proto kernel
0.0.0.0/1 dev ipsec1 table main proto 50
unreachable 128.0.0.0/1 table main metric 4294967295 proto kernel
128.0.0.0/1 dev ipsec1 table main proto 50`},
		{"IPv6 inside IPv4, mark asked for", Overlay, "2001:db8::/32", func(d *Demand) { d.Block, d.MarkOut = false, true }, `
2001:db8::/32 dev ipsec1 table main metric 1024 proto 50`},
		{"IPv4 inside IPv6, default route", Overlay, "0.0.0.0/0", overIPv6, `
-4 priority 98 lookup 50 suppress_prefixlength 0 protocol kernel
-4 priority 99 lookup main suppress_prefixlength 0 protocol kernel
-4 priority 100 lookup 50 protocol kernel
-4 priority 101 unreachable protocol kernel
default dev ipsec1 table 50 proto 50`},
		{"peer outside", NotMark, "192.0.2.0/24", func(d *Demand) { d.Block = false }, `
-4 priority 100 not iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
192.0.2.0/24 dev ipsec1 table 50 proto 50`},
		{"peer inside", NotMark, "192.1.2.23/32", func(d *Demand) {}, `
-4 priority 100 not iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
unreachable 192.1.2.23/32 table 50 metric 4294967295 proto kernel
192.1.2.23/32 dev ipsec1 table 50 proto 50`},
		{"default route", NotMark, "0.0.0.0/0", func(d *Demand) { d.Src = netip.MustParseAddr("192.0.2.1") }, `
-4 priority 100 not iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
unreachable default table 50 metric 4294967295 proto kernel
default dev ipsec1 table 50 src 192.0.2.1 proto 50`},
		{"equal selectors, peer inside", NotMark, "192.1.0.0/16", func(d *Demand) { d.Attract = false }, `
-4 priority 100 not iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel`},
		{"equal selectors, peer outside", NotMark, "192.0.2.0/24", func(d *Demand) { d.Attract = false }, ``},
		{"IPv6 inside IPv4", NotMark, "2001:db8::/32", func(d *Demand) { d.Block = false }, `
-6 priority 100 not iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
2001:db8::/32 dev ipsec1 table 50 metric 1024 proto 50`},
		{"IPv4 inside IPv6", NotMark, "0.0.0.0/0", overIPv6, `
-4 priority 100 not iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
unreachable default table 50 metric 4294967295 proto kernel
default dev ipsec1 table 50 proto 50`},
		{"peer outside", MarkUnderlay, "192.0.2.0/24", func(d *Demand) { d.Block = false }, `
192.0.2.0/24 dev ipsec1 table main proto 50`},
		{"peer inside", MarkUnderlay, "192.1.2.23/32", func(d *Demand) {}, `
-4 priority 100 iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
default via 192.1.3.254 dev eth0 table 50 proto 50
unreachable 192.1.2.23/32 table main metric 4294967295 proto kernel
192.1.2.23/32 dev ipsec1 table main proto 50`},
		{"peer on the link", MarkUnderlay, "192.1.2.23/32", func(d *Demand) { d.Path.Via = netip.Addr{} }, `
-4 priority 100 iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
default via 192.1.3.254 dev eth0 table 50 proto 50
192.1.2.23/32 dev eth0 table 50 proto 50
unreachable 192.1.2.23/32 table main metric 4294967295 proto kernel
192.1.2.23/32 dev ipsec1 table main proto 50`},
		{"no default route in main", MarkUnderlay, "192.1.2.23/32", func(d *Demand) { d.Block, d.Default = false, Path{} }, `
-4 priority 100 iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
192.1.2.23/32 via 192.1.3.254 dev eth0 table 50 proto 50
192.1.2.23/32 dev ipsec1 table main proto 50`},
		{"default route in halves", MarkUnderlay, "::/0", func(d *Demand) {
			d.Peer, d.Path.Via = netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("fe80::1")
			d.Default = d.Path
		}, `
-6 priority 100 iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
default via fe80::1 dev eth0 table 50 metric 1024 proto 50
unreachable ::/1 table main metric 4294967295 proto kernel
::/1 dev ipsec1 table main metric 1024 proto 50
unreachable 8000::/1 table main metric 4294967295 proto kernel
8000::/1 dev ipsec1 table main metric 1024 proto 50`},
		{"escape only", MarkUnderlay, "0.0.0.0/0", func(d *Demand) { d.Attract = false }, `
-4 priority 100 iif lo fwmark 0x1/0xffffffff lookup 50 protocol kernel
default via 192.1.3.254 dev eth0 table 50 proto 50`},
		{"IPv6 inside IPv4", MarkUnderlay, "2001:db8::/32", func(d *Demand) { d.Block = false }, `
2001:db8::/32 dev ipsec1 table main metric 1024 proto 50`},
		{"IPv4 inside IPv6", MarkUnderlay, "192.0.2.0/24", overIPv6, `
unreachable 192.0.2.0/24 table main metric 4294967295 proto kernel
192.0.2.0/24 dev ipsec1 table main proto 50`},
		{"peer outside", TwoRules, "192.0.2.0/24", func(d *Demand) { d.Block = false }, `
-4 priority 100 to 192.0.2.0/24 lookup 50 protocol kernel
192.0.2.0/24 dev ipsec1 table 50 proto 50`},
		{"peer inside", TwoRules, "192.1.2.23/32", func(d *Demand) {}, `
-4 priority 99 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel
-4 priority 100 to 192.1.2.23/32 lookup 50 protocol kernel
unreachable 192.1.2.23/32 table 50 metric 4294967295 proto kernel
192.1.2.23/32 dev ipsec1 table 50 proto 50`},
		{"default route", TwoRules, "0.0.0.0/0", func(d *Demand) {}, `
-4 priority 99 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel
-4 priority 101 lookup 50 protocol kernel
unreachable default table 50 metric 4294967295 proto kernel
default dev ipsec1 table 50 proto 50`},
		{"escape only", TwoRules, "0.0.0.0/0", func(d *Demand) { d.Attract = false }, `
-4 priority 99 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel`},
		{"IPv6 inside IPv4", TwoRules, "2001:db8::/32", func(d *Demand) { d.Block = false }, `
-6 priority 100 to 2001:db8::/32 lookup 50 protocol kernel
2001:db8::/32 dev ipsec1 table 50 metric 1024 proto 50`},
		{"IPv4 inside IPv6", TwoRules, "0.0.0.0/0", overIPv6, `
-4 priority 101 lookup 50 protocol kernel
unreachable default table 50 metric 4294967295 proto kernel
default dev ipsec1 table 50 proto 50`},
	}
	for _, tt := range tests {
		t.Run(string(tt.scheme)+", "+tt.name, func(t *testing.T) {
			d := demand(tt.dst)
			tt.change(&d)
			if got := text(tt.scheme.Layout(d)); got != strings.TrimSpace(tt.want) {
				t.Errorf("got\n%s\nwant%s", got, tt.want)
			}
		})
	}
}
