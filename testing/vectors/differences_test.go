package vectors_test

import (
	"net/netip"
	"slices"
	"strings"
)

// difference is a fault of libreswan's script, and how it shows.
type difference struct {
	fault    int // 1 to 11: ../scenario/testdata/updown-NN-*.txtar has the story
	why      string
	applies  func(vector) bool
	explains func(vector, deviation) bool
}

// differences are all in which ipsecif is meant to differ from the script.
var differences = []difference{
	{1, "two tunnels to one peer: the script takes the way for ESP of both away with the one that goes first",
		sharesPeer, func(v vector, d deviation) bool { return d.ours && d.isWayTo(v.tunnels[0].peer) }},
	{2, "two tunnels with one mark to one net: the script takes the rule of both away with the one that goes first",
		sharesRule, func(v vector, d deviation) bool { return d.ours && d.isRule() }},
	{3, "somebody else has a route to the net: the script overwrites it and then deletes it; ipsecif refuses",
		only(tunnel.overwrites), func(v vector, d deviation) bool {
			return d.ours && d.isError("is there and is not ours") || d.isRouteTo(v.tunnels[0].theirs)
		}},
	{4, "there is no way to the next hop: the script leaves the route into the tunnel in place and ESP loops, with IPv4 it even says done; ipsecif refuses",
		only(tunnel.farNextHop), func(v vector, d deviation) bool {
			return d.ours && d.isError("192.1.2.23/32 via", "2001:db8:1:2::23/128 via") || !d.ours && d.isRouteTo(v.tunnels[0].theirs)
		}},
	{5, "a mark for ESP of another family than the net: the script makes a way for ESP without the rule to it, and fails; ipsecif needs neither",
		only(tunnel.mixesFamilies), func(v vector, d deviation) bool {
			return !d.ours && (d.isError("prefix is expected") || d.isWayTo(v.tunnels[0].peer))
		}},
	{6, `a device whose name ends in "dev": the script takes another word for it, makes neither the way for ESP nor its rule, and says done`,
		only(func(t tunnel, _ vector) bool { return strings.HasSuffix(t.dev, "dev") && t.fwmark() != "" }),
		func(v vector, d deviation) bool { return d.ours && (d.isWayTo(v.tunnels[0].peer) || d.isRule()) }},
	{7, "a range of addresses: the script makes no route and says done",
		only(func(t tunnel, _ vector) bool { return strings.Contains(t.theirs, "-") }),
		func(v vector, d deviation) bool { return d.ours && d.isRouteWithin(v.tunnels[0].theirs) }},
	{8, "somebody else has a rule for the mark: the script does not see that it takes ESP away; ipsecif refuses",
		func(v vector) bool {
			return slices.ContainsFunc(v.before, func(c string) bool { return strings.Contains(c, "fwmark") })
		},
		func(v vector, d deviation) bool { return d.ours == d.isError("would be caught by the rule") }},
	{9, "with the last address of the interface the kernel takes its IPv4 routes away: nobody calls the script for other tunnels",
		losesRoutes, func(v vector, d deviation) bool { return d.ours && d.isRouteTo(v.tunnels[1].theirs) }},
	{11, "a VTI device: the script removes neither it, nor its route, nor one to the gateway that it makes; and it makes nothing for IPv6",
		only(func(t tunnel, _ vector) bool { return t.vti }),
		func(v vector, d deviation) bool {
			return d.ours == v.tunnels[0].me.Is6() && d.isRouteTo(v.tunnels[0].theirs) || !d.ours && d.isRouteTo(v.tunnels[0].nextHop.String()+"/32")
		}},
	{12, "the peer is the next hop, which stands for none, and is behind a router: the script makes it a neighbour on the link, so nothing arrives",
		only(tunnel.farPeerAsNextHop), func(v vector, d deviation) bool { return d.action != "unroute" && d.isWayTo(v.tunnels[0].peer) }},
	{13, "equal nets on both sides: the script says that it makes no route, and with a source, an MTU or --route y makes it",
		only(func(t tunnel, _ vector) bool { return t.insists() }),
		func(v vector, d deviation) bool { return !d.ours && d.isRouteTo(v.tunnels[0].theirs) }},
	{14, "the tunnel leads to the next hop too: the script looks for that one while the route into the tunnel is there, and leaves the way for ESP behind",
		only(tunnel.takesNextHop), func(v vector, d deviation) bool {
			return !d.ours && d.action == "unroute" && d.isWayTo(v.tunnels[0].peer)
		}},
	{15, "two local nets of one conn: pluto never tells the script that the route goes, and ipsecif finds out from the policy",
		func(v vector) bool { return v.tunnels[0].final },
		func(v vector, d deviation) bool {
			return !d.ours && d.step == step{1, "down"} && d.isRouteTo(v.tunnels[0].theirs)
		}},
	{16, "a tunnel leads to the peer of another one: the script lets its ESP go in there; ipsecif refuses",
		swallowsPeer, func(v vector, d deviation) bool {
			return d.ours && d.tunnel == 1 && d.isError("ESP and IKE of conn") || !d.ours && d.isRouteTo(v.tunnels[1].theirs)
		}},
}

// only makes a predicate of one for the only tunnel of a vector.
func only(which func(tunnel, vector) bool) func(vector) bool {
	return func(v vector) bool { return len(v.tunnels) == 1 && which(v.tunnels[0], v) }
}

// atOnce returns the two tunnels of a vector that are there at the same time.
func (v vector) atOnce() (a, b tunnel, ok bool) {
	if len(v.tunnels) < 2 {
		return a, b, false
	}
	comes, goes := slices.Index(v.steps, step{1, "route"}), slices.Index(v.steps, step{0, "unroute"})
	return v.tunnels[0], v.tunnels[1], comes >= 0 && comes < goes
}

func sharesPeer(v vector) bool {
	a, b, ok := v.atOnce()
	return ok && a.peer == b.peer && a.fwmark() != "" && b.fwmark() != "" && a.metric == b.metric
}

func sharesRule(v vector) bool {
	a, b, ok := v.atOnce()
	return ok && a.theirs == b.theirs && a.fwmark() != "" && a.fwmark() == b.fwmark()
}

// losesRoutes reports whether the last address of an interface goes with the
// first tunnel, and the second stays.
func losesRoutes(v vector) bool {
	a, b, ok := v.atOnce()
	return ok && a.link == b.link && len(a.addrs()) > 0 && len(b.addrs()) == 0 &&
		slices.Index(v.steps, step{0, "unroute"}) < slices.Index(v.steps, step{1, "unroute"})
}

// swallowsPeer reports whether the first tunnel leads to the peer of the second,
// whose ESP has a mark that no rule is for.
func swallowsPeer(v vector) bool {
	a, b, ok := v.atOnce()
	if !ok {
		return false
	}
	_, net := client(a.theirs)
	return net.Contains(b.peer) && b.fwmark() == "" && (a.peer != b.peer || a.ifID() != b.ifID())
}

// overwrites reports whether main has a route to the net of the tunnel.
func (t tunnel) overwrites(v vector) bool {
	there := t.theirs == "192.1.3.0/24" || slices.ContainsFunc(v.before, func(c string) bool { return strings.HasPrefix(c, "ip route add "+t.theirs+" ") })
	return there && t.metric == 0
}

func (t tunnel) farNextHop(vector) bool {
	return t.fwmark() != "" && (t.nextHop == addr("10.11.12.13") || t.nextHop == addr("2001:db8:ffff::1"))
}

func (t tunnel) mixesFamilies(vector) bool {
	low, _ := client(t.theirs)
	return t.fwmark() != "" && low.Is4() != t.peer.Is4()
}

// farPeerAsNextHop reports whether the peer stands for its own next hop, and is
// behind a router.
func (t tunnel) farPeerAsNextHop(v vector) bool {
	return t.nextHop == t.peer && v.up.routeTo(t.peer) == 0 && v.up == cable && t.fwmark() != "" && !t.mixesFamilies(v)
}

// takesNextHop reports whether packets to the next hop would follow the route of
// the tunnel, were they not ESP.
func (t tunnel) takesNextHop(v vector) bool {
	_, net := client(t.theirs)
	made := t.ours != t.theirs || t.insists()
	return t.fwmark() != "" && made && net.Contains(t.nextHop) && max(net.Bits(), 1) > v.up.routeTo(t.nextHop)
}

// routeTo returns the length of the net by which a host reaches an address.
func (u uplink) routeTo(a netip.Addr) int {
	nets := []string{"192.1.3.0/24", "2001:db8:1:3::/64"}
	if u == ppp {
		nets = append(nets, "10.64.0.1/32")
	}
	for _, n := range nets {
		if p := netip.MustParsePrefix(n); p.Contains(a) {
			return p.Bits()
		}
	}
	return 0
}

// insists reports whether the script makes a route between equal nets. That was
// asked for counts only where ESP needs no mark.
func (t tunnel) insists() bool {
	asked := len(t.args) == 2 && t.args[1] == "y" && t.fwmark() == ""
	return t.ours == t.theirs && (t.source.IsValid() || t.mtu != 0 || asked)
}

// isError reports whether a hook failed with one of the texts.
func (d deviation) isError(texts ...string) bool {
	return strings.HasPrefix(d.object, "error: ") && slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(d.object, t) })
}

func (d deviation) isRule() bool { return strings.HasPrefix(d.object, "rule") }

// route returns the table and destination of a route.
func (d deviation) route() (table string, dst netip.Prefix, ok bool) {
	if !strings.HasPrefix(d.object, "route") {
		return "", netip.Prefix{}, false
	}
	words := strings.Fields(d.object)
	for i := range words[1:] {
		switch words[i] {
		case "table":
			table = words[i+1]
		case "to":
			dst = netip.MustParsePrefix(words[i+1])
		}
	}
	return table, dst, true
}

// isWayTo reports whether it is the route to a peer in table 50.
func (d deviation) isWayTo(peer netip.Addr) bool {
	table, dst, ok := d.route()
	return ok && table == "50" && dst == netip.PrefixFrom(peer, peer.BitLen())
}

// isRouteTo reports whether it is the route to a net in main, or to half of
// everything.
func (d deviation) isRouteTo(theirs string) bool {
	table, dst, ok := d.route()
	_, net := client(theirs)
	return ok && table == "254" && (dst == net || net.Bits() == 0 && dst.Bits() == 1 && dst.Addr().Is4() == net.Addr().Is4())
}

// isRouteWithin reports whether it is a route in main to a part of a range.
func (d deviation) isRouteWithin(theirs string) bool {
	table, dst, ok := d.route()
	low, high, _ := strings.Cut(theirs, "-")
	return ok && table == "254" && !dst.Addr().Less(addr(low)) && !addr(high).Less(dst.Addr())
}
