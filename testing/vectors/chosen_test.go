package vectors_test

import "net/netip"

// road is a tunnel from the host road to the host east, by the router, to what
// is behind east.
func road(theirs string, changes ...func(*tunnel)) tunnel {
	t := tunnel{
		name: "road", dev: "eth0", me: addr("192.1.3.209"), peer: addr("192.1.2.23"), nextHop: addr("192.1.3.254"),
		ours: "192.1.3.209/32", theirs: theirs, link: "ipsec1",
	}
	for _, change := range changes {
		change(&t)
	}
	return t
}

func ours(selector string) func(*tunnel) { return func(t *tunnel) { t.ours = selector } }
func via(a string) func(*tunnel)         { return func(t *tunnel) { t.nextHop = addr(a) } }
func mark(m string) func(*tunnel)        { return func(t *tunnel) { t.mark = m } }
func by(link string) func(*tunnel)       { return func(t *tunnel) { t.name, t.link = "by-"+link, link } }
func metric(n int) func(*tunnel)         { return func(t *tunnel) { t.metric = n } }
func mtu(n int) func(*tunnel)            { return func(t *tunnel) { t.mtu = n } }
func source(a string) func(*tunnel)      { return func(t *tunnel) { t.source = addr(a) } }
func address(p string) func(*tunnel)     { return func(t *tunnel) { t.address = netip.MustParsePrefix(p) } }
func direct(t *tunnel)                   { t.nextHop = t.peer }
func vti(t *tunnel)                      { t.link, t.vti, t.mark = "vti1", true, "5/0xffffffff" }
func final(t *tunnel)                    { t.final = true }

// over6 puts the tunnel over IPv6.
func over6(t *tunnel) {
	t.me, t.peer, t.nextHop = addr("2001:db8:1:3::209"), addr("2001:db8:1:2::23"), addr("2001:db8:1:3::254")
}

// from takes another address of this host, and its peer.
func from(me, peer string) func(*tunnel) {
	return func(t *tunnel) { t.me, t.peer, t.ours = addr(me), addr(peer), me+"/32" }
}

// alone is the life of one tunnel.
func alone(name string, t tunnel, before ...string) vector {
	return vector{name: name, up: cable, before: before, tunnels: []tunnel{t}, steps: steps(life)}
}

// both is a story of two tunnels.
func both(name, story string, a, b tunnel, before ...string) vector {
	return vector{name: name, up: cable, before: before, tunnels: []tunnel{a, b}, steps: steps(story)}
}

// Stories of two tunnels.
const (
	inTurn = "a:prepare a:route a:up b:prepare b:route b:up"
	first  = inTurn + " a:down a:unroute b:down b:unroute" // the first goes first
	last   = inTurn + " b:down b:unroute a:down a:unroute"
)

// uplinkdev gives the underlay device another name.
var uplinkdev = []string{"ip link set eth0 down", "ip link set eth0 name uplinkdev", "ip link set uplinkdev up", "ip route add default via 192.1.3.254"}

// chosenVectors are what the sample leaves out, or what must be among the
// vectors: what libreswan's own tests have, and its faults.
func chosenVectors() []vector {
	host, net := "192.1.2.23/32", "192.1.2.0/24"
	sourced := []func(*tunnel){ours("192.0.2.101/32"), source("192.0.2.101")}
	return []vector{
		// Tests of libreswan: ikev2-xfrmi-01, -02 and -06.
		alone("net to net", road("192.0.2.0/24", ours("198.18.66.0/24"), direct)),
		alone("host to host", road(host, by("ipsec0"))),
		alone("roadwarrior", road("0.0.0.0/0", sourced...)),
		alone("metric and mtu", road("10.9.0.0/16", ours("198.18.66.0/24"), metric(2049), mtu(1380))),
		alone("IPv6 in IPv4", road("2001:db8:2::/64", ours("2001:db8:5::/64"))),
		alone("IPv6 in IPv6", road("2001:db8:2::/64", over6, ours("2001:db8:5::/64"))),
		alone("IPv6 roadwarrior", road("::/0", over6, ours("2001:db8:5::1/128"), source("2001:db8:5::1"))),
		alone("IPv4 in IPv6", road("10.9.0.0/16", over6, ours("198.18.66.0/24"))),
		alone("everything to everything", road("0.0.0.0/0", ours("0.0.0.0/0"))),
		alone("half of all", road("128.0.0.0/1", ours("198.18.66.0/24"))),
		alone("address with its net", road("10.9.0.0/16", ours("198.18.66.0/24"), address("198.18.66.1/24"))),
		both("one interface, two nets", first, road("10.1.0.0/16", by("ipsec1")), road("10.2.0.0/16", by("ipsec1"))),
		both("one interface, two nets, backwards", last, road("10.1.0.0/16", by("ipsec1")), road("10.2.0.0/16", by("ipsec1"))),
		both("two families", first, road("10.1.0.0/16", ours("198.18.66.0/24")), road("2001:db8:2::/64", ours("2001:db8:5::/64"))),
		both("one net twice by metric", first, road("10.1.0.0/16", by("ipsec1"), metric(1)), road("10.1.0.0/16", by("ipsec2"), from("192.1.3.210", "192.1.2.45"), metric(2)),
			"ip address add 192.1.3.210/24 dev eth0"),
		{name: "routed again", up: cable, tunnels: []tunnel{road(host)}, steps: steps("a:prepare a:route a:route a:up a:up a:down a:unroute a:prepare a:route a:unroute")},
		{name: "on demand", up: cable, tunnels: []tunnel{road(net)}, steps: steps("a:prepare a:route a:up a:down a:up a:down a:unroute")},
		both("everything and a net, one peer", last, road("0.0.0.0/0", append(sourced, by("ipsec1"))...), road("10.1.0.0/16", by("ipsec1"))),
		both("peer and a net behind it", first, road(host, by("ipsec1")), road("10.1.0.0/16", by("ipsec1"))),
		both("moved", "a:prepare a:route a:up a:down a:unroute b:route b:up b:down b:unroute", road("0.0.0.0/0", sourced...),
			road("0.0.0.0/0", append(sourced, via("192.1.3.253"), func(t *tunnel) { t.me = addr("192.1.3.210") })...), "ip address add 192.1.3.210/24 dev eth0"),
		// What pluto calls for two conns to one net: it counts the routes itself.
		both("one route for two conns", "a:prepare a:route b:unroute", road("10.1.0.0/16", ours("10.2.0.0/24"), by("ipsec1")), road("10.1.0.0/16", ours("10.3.0.0/24"), by("ipsec1"))),
		both("one route for two conns that were up", "a:prepare a:route a:up b:up a:down b:down b:unroute",
			road("10.1.0.0/16", ours("10.2.0.0/24"), by("ipsec1")), road("10.1.0.0/16", ours("10.3.0.0/24"), by("ipsec1"))),
		{name: "never routed", up: cable, tunnels: []tunnel{road("10.1.0.0/16")}, steps: steps("a:unroute")},

		both("one peer, its net goes", last, road(host, by("ipsec1")), road(net, by("ipsec2"))),
		both("one peer, its host goes", first, road(host, by("ipsec1")), road(net, by("ipsec2"))),
		both("one rule", last, road(net, by("ipsec1"), mark("256/0x00ff00"), metric(1)),
			road(net, by("ipsec2"), from("192.1.3.210", "192.1.2.45"), mark("256/0x00ff00"), metric(2)), "ip address add 192.1.3.210/24 dev eth0"),
		alone("foreign route", road("10.55.0.0/16"), "ip route add 10.55.0.0/16 via 192.1.3.253"),
		alone("own LAN", road("192.1.3.0/24", ours("198.18.66.0/24"))),
		alone("no way to the next hop", road(host, via("10.11.12.13"))),
		alone("no way to the next hop, IPv6", road("2001:db8:1:2::23/128", over6, ours("2001:db8:1:3::209/128"), via("2001:db8:ffff::1"))),
		alone("IPv6 in IPv4, marked", road("2001:db8:2::/64", ours("2001:db8:5::/64"), mark("256/0x00ff00"))),
		alone("device called uplinkdev", road(host, func(t *tunnel) { t.dev = "uplinkdev" }), uplinkdev...),
		alone("range", road("10.8.0.1-10.8.0.9")),
		alone("foreign rule", road(host), "ip rule add priority 90 fwmark 0x1 lookup 77"),
		both("lost routes", first, road("10.1.0.0/16", sourced...), road("10.2.0.0/16")),
		alone("no next hop", road(host, direct)),
		alone("no next hop, peer outside", road("10.9.0.0/16", direct, mark("256/0x00ff00"))),
		both("one conn, two local nets", "a:prepare a:route a:up b:prepare b:route b:up a:down b:down",
			road("10.1.0.0/16", ours("10.2.0.0/24"), final), road("10.1.0.0/16", ours("10.3.0.0/24"), final)),
		both("everything, and another peer", first, road("0.0.0.0/0", append(sourced, by("ipsec1"))...), road("10.1.0.0/16", by("ipsec2"), from("192.1.3.210", "192.1.2.45")),
			"ip address add 192.1.3.210/24 dev eth0"),
		alone("VTI device", road("10.1.0.0/16", ours("10.2.0.0/24"), vti), "ip link add ip_vti0 type vti"),
		alone("VTI device, IPv6", road("2001:db8:2::/64", over6, ours("2001:db8:5::/64"), vti)),
		alone("same nets with a source", road("0.0.0.0/0", ours("0.0.0.0/0"), source("192.0.2.101"))),
	}
}
