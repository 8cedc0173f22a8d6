package plan

import (
	"strings"
	"testing"
)

// lines has every form that operations are printed in.
const lines = `ip link add ipsec1 type xfrm if_id 1
ip link add ipsec1 link eth0 type xfrm if_id 16384
ip link add ipsec type xfrm external
ip link add vti0 type vti local 192.0.2.1 remote 192.0.2.2 ikey 5 okey 4294967295
ip link add vti0 type vti6 local 2001:db8::1 ikey 5 okey 6
ip link add eth0
ip link del dev ipsec1
ip link set dev ipsec1 alias ipsecif:1
ip link set dev ipsec1 alias ""
ip link set dev ipsec1 addrgenmode none
ip link set dev ipsec1 mtu 1400
ip link set dev ipsec1 up
ip link set dev ipsec1 down
ip -4 address add 192.0.2.1/32 dev ipsec1 proto 50
ip -4 address del 192.0.2.1/24 dev eth0
ip -6 address add 2001:db8::1/128 dev ipsec1 nodad proto 50
ip -4 route add 192.0.2.0/24 dev ipsec1 table main proto 50
ip -4 route add default via 192.0.2.1 dev eth0 table main proto dhcp
ip -4 route add default via inet6 fe80::1 dev eth0 table main proto static
ip -6 route add default dev ipsec1 table 1000 metric 1024 src 2001:db8::1 mtu 1400 proto 50
ip -4 route add 192.0.2.0/24 dev ipsec table 50 src 192.0.3.1 mtu 1400 proto 50 encap xfrm if_id 7
ip -6 route add 2001:db8::/64 dev ipsec table main metric 1024 proto 50 encap xfrm if_id 4294967295 link_dev eth0
ip -4 route replace 192.0.2.9/32 tos 0x10 dev eth0 table local proto kernel
ip -4 route del unreachable 10.0.0.0/8 table 50 metric 4294967295 proto kernel
ip -4 route append 10.0.0.0/8 dev ipsec1 table main proto 50
ip -4 route add blackhole 10.0.0.0/8 table main proto static
ip -6 route add prohibit 2001:db8::/32 table main metric 1024 proto static
ip -4 route add throw 10.0.0.0/8 table 50 proto boot
ip -4 rule add priority 97 to 192.1.2.23/32 iif lo lookup main protocol kernel
ip -4 rule add priority 97 iif lo fwmark 0x1/0xffffffff lookup main protocol kernel
ip -4 rule add priority 88 from 192.0.3.0/24 to 192.0.2.0/24 lookup 50000001 protocol kernel
ip -4 rule add priority 91 from 192.0.3.0/24 unreachable protocol kernel
ip -4 rule add priority 98 lookup 50 suppress_prefixlength 0 protocol kernel
ip -6 rule del priority 100 to 2001:db8::/32 fwmark 0x0/0xff lookup default protocol boot
ip -4 rule add priority 101 unreachable protocol kernel
ip -4 rule add priority 102 blackhole protocol static
ip -6 rule add priority 103 iif eth0 prohibit protocol boot
ip link add ipsec1 type xfrm if_id 1 && ip link set ipsec1 netns red
ip link add name type type xfrm if_id 1
ip link add name name link link type xfrm if_id 1
ip link add name up type xfrm if_id 1 && ip link set dev up netns red
ip link add name netns type xfrm if_id 1 && ip link set dev netns netns red
ip link set dev dev up
ip link del dev dev
ip -4 address add 192.0.2.1/32 dev dev proto 50
ip -4 route add 192.0.2.0/24 dev table table 50 proto 50
ip -n red link add ipsec1 type xfrm if_id 1
ip -n red link del dev ipsec1
ip -n red link set dev ipsec1 up
ip -n red -4 route add unreachable 0.0.0.0/1 table main metric 4294967295 proto kernel
ip netns exec red sysctl -w net.ipv4.conf.eth0.promote_secondaries=1
sysctl -w net.ipv4.conf.eth0.rp_filter=2
sysctl -w net.ipv4.conf.eth0/100.rp_filter=0
sysctl -w net.ipv6.conf.vti0.disable_policy=1
nft 'add table inet ipsecif { map tunnels { type ifname : verdict; }; chain out { type filter hook postrouting priority mangle; policy accept; tcp flags syn oifname vmap @tunnels; }; chain in { type filter hook prerouting priority mangle; policy accept; tcp flags syn iifname vmap @tunnels; }; }'
nft 'add chain inet ipsecif mss-1360-1340 { meta nfproto ipv4 tcp option maxseg size set 1360; meta nfproto ipv6 tcp option maxseg size set 1340; }'
nft 'add element inet ipsecif tunnels { "ipsec1" : jump mss-1360-1340 }'
nft 'delete element inet ipsecif tunnels { "ipsec1" }; add element inet ipsecif tunnels { "ipsec1" : jump mss-1360-1340 }'
nft 'delete element inet ipsecif tunnels { "ipsec1" }'
nft 'delete chain inet ipsecif mss-1360-1340'
nft 'delete table inet ipsecif'
nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority filter; }'
nft 'add chain inet filter ipsecif-forward'
nft 'insert rule inet filter forward jump ipsecif-forward comment "ipsecif"'
nft 'delete chain inet filter forward'
nft 'delete chain inet filter ipsecif-forward'
nft 'add map inet filter ipsecif-forward4-16-24 { type ifname . ipv4_addr . ipv4_addr : verdict; }; add rule inet filter ipsecif-forward iifname . ip saddr & 255.255.0.0 . ip daddr & 255.255.255.0 vmap @ipsecif-forward4-16-24; add rule inet filter ipsecif-forward oifname . ip daddr & 255.255.0.0 . ip saddr & 255.255.255.0 vmap @ipsecif-forward4-16-24'
nft 'add element inet filter ipsecif-forward4-16-24 { "ipsec1" . 10.1.0.0 . 10.9.1.0 : accept }'
nft 'delete rule inet filter forward jump ipsecif-forward'
nft 'delete rule inet filter ipsecif-forward @ipsecif-forward4-16-24; delete map inet filter ipsecif-forward4-16-24'
nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority filter; }'
nft 'add table ip6 filter; add chain ip6 filter FORWARD { type filter hook forward priority filter; }'
nft 'add chain ip filter ipsecif-forward'
nft 'add map ip filter ipsecif-forward4-32-8 { type ifname . ipv4_addr . ipv4_addr : verdict; }; add rule ip filter ipsecif-forward iifname . ip saddr . ip daddr & 255.0.0.0 vmap @ipsecif-forward4-32-8; add rule ip filter ipsecif-forward oifname . ip daddr . ip saddr & 255.0.0.0 vmap @ipsecif-forward4-32-8'
nft 'add chain ip6 filter ipsecif-forward'
nft 'add map ip6 filter ipsecif-forward6-128-64 { type ifname . ipv6_addr . ipv6_addr : verdict; }; add rule ip6 filter ipsecif-forward iifname . ip6 saddr . ip6 daddr & ffff:ffff:ffff:ffff:: vmap @ipsecif-forward6-128-64; add rule ip6 filter ipsecif-forward oifname . ip6 daddr . ip6 saddr & ffff:ffff:ffff:ffff:: vmap @ipsecif-forward6-128-64'
nft 'delete rule inet filter ipsecif-forward @ipsecif-forward4-16-24; add rule inet filter ipsecif-forward iifname . ip saddr & 255.255.0.0 . ip daddr & 255.255.255.0 vmap @ipsecif-forward4-16-24; add rule inet filter ipsecif-forward oifname . ip daddr & 255.255.0.0 . ip saddr & 255.255.255.0 vmap @ipsecif-forward4-16-24'
nft 'add table inet ipsecif-cat { chain out { type nat hook postrouting priority srcnat; policy accept; }; chain in { type nat hook prerouting priority dstnat; policy accept; }; }'
nft 'add chain inet ipsecif-cat snat-10.9.0.5 { snat ip to 10.9.0.5; }'
nft 'add map inet ipsecif-cat snat4-16-32 { type ifname . ipv4_addr . ipv4_addr : verdict; }; add rule inet ipsecif-cat out oifname . ip daddr & 255.255.0.0 . ip saddr vmap @snat4-16-32'
nft 'add element inet ipsecif-cat snat4-16-32 { "ipsec1" . 10.1.0.0 . 192.0.2.1 : jump snat-10.9.0.5 }'
nft 'delete rule inet ipsecif-cat out @snat4-16-32; delete map inet ipsecif-cat snat4-16-32'
nft 'delete chain inet ipsecif-cat snat-10.9.0.5'
nft 'add chain inet ipsecif-cat dnat-fd09__5 { dnat ip6 to fd09::5; }'
nft 'add table inet ipsecif-log { chain out { type filter hook postrouting priority srcnat + 10; policy accept; }; chain in { type filter hook prerouting priority mangle; policy accept; }; }'
nft 'add chain inet ipsecif-log group-5 { log group 5 accept; }'
nft 'add map inet ipsecif-log log4-16-24 { type ifname . ipv4_addr . ipv4_addr : verdict; }; add rule inet ipsecif-log in iifname . ip saddr & 255.255.0.0 . ip daddr & 255.255.255.0 vmap @log4-16-24; add rule inet ipsecif-log out oifname . ip daddr & 255.255.0.0 . ip saddr & 255.255.255.0 vmap @log4-16-24'
nft 'delete element inet ipsecif-log log4-16-24 { "ipsec1" . 10.1.0.0 . 10.9.1.0 }'
nft 'add element inet ipsecif-log log4-16-24 { "ipsec1" . 10.1.0.0 . 10.9.1.0 : jump group-5 }'
nft 'delete chain inet ipsecif-log group-5'
nft 'delete table inet ipsecif-log'
`

func TestParsePrints(t *testing.T) {
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		op, err := ParseOp(line)
		if err != nil {
			t.Error(err)
		} else if op.String() != line {
			t.Errorf("got  %s\nwant %s", op, line)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"":                    "command is missing",
		"rm -rf /":            `"rm" is not ip, sysctl or nft`,
		"nft 'flush ruleset'": "is none of the commands for nft",
		`nft 'add element inet ipsecif tunnels { "ipsec1" : accept }'`: "is none of the commands for nft",
		"ip link frob eth0":                                          `verb "frob"`,
		"ip tunnel add x":                                            `object "tunnel"`,
		"ip link add":                                                "device is missing",
		"ip link add ipsec1 type xfrm if_id x":                       `if_id "x" is no number`,
		"ip link add ipsec1 colour red":                              `unexpected "colour"`,
		"ip link del dev ipsec1 type xfrm":                           `unexpected "type"`,
		"ip -4 address add 192.0.2.1/33 dev eth0":                    "prefix length",
		"ip -4 address add 192.0.2.1/32":                             "dev is missing",
		"ip -4 route add 192.0.2.0/24 dev eth0 table x":              `table "x"`,
		"ip -4 route add 192.0.2.0/24 dev eth0 proto 256":            `protocol "256"`,
		"ip -4 route add 192.0.2.0/24 dev eth0 via x":                "via",
		"ip -4 rule add fwmark 1/x lookup 50":                        "fwmark",
		"ip link add a type xfrm if_id 1 && ip link set b netns red": "does not move the link",
		"ip link add a type xfrm if_id 1 && ip link set a down":      "does not move the link",
		"ip link add a && ip link set a":                             "does not move the link",
		"ip link add a && ip link set a netns red":                   "is no xfrm interface",
		"sysctl -w net.core.conf.eth0.rp_filter=1":                   "setting is not",
		"sysctl -w net.ipv4.conf.eth0.rp_filter=on":                  "setting is not",
	} {
		if _, err := ParseOp(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", line, err, want)
		}
	}
}

// FuzzParseOp reads anything without harm, and what it can read it prints so
// that it reads back equal.
func FuzzParseOp(f *testing.F) {
	for line := range strings.Lines(lines) {
		f.Add(strings.TrimSpace(line))
	}
	f.Fuzz(func(t *testing.T, line string) {
		op, err := ParseOp(line)
		if err != nil {
			return
		}
		again, err := ParseOp(op.String())
		if err != nil || again != op {
			t.Errorf("%q\nis    %#v\nagain %#v\n%v", line, op, again, err)
		}
	})
}
