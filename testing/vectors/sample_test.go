package vectors_test

import (
	"math/rand/v2"
	"net/netip"
)

// What a combination chooses from, and the number of choices.
const (
	byUplink = iota
	byOuter
	byInner
	byRemote
	byLocal
	byNextHop
	byMark
	bySource
	byMetric
	byMTU
	byLink
	byPort
	byArgs
	byStory
	axes
)

var choices = [axes]int{
	byUplink: 3, byOuter: 2, byInner: 2, byRemote: 6, byLocal: 3, byNextHop: 3, byMark: 3, bySource: 4,
	byMetric: 3, byMTU: 2, byLink: 3, byPort: 2, byArgs: 3, byStory: 2,
}

// combination is one choice of each.
type combination [axes]int

// sample returns combinations as vectors, a different set for each seed. Each is
// the one of several random ones that has most pairs of choices, and most
// triples, that none before it had.
func sample(seed uint64, count int) []vector {
	const candidates = 30
	random := rand.New(rand.NewPCG(seed, 0))
	seen := map[[6]int]bool{}
	var vectors []vector
	for len(vectors) < count {
		var best combination
		most := -1
		for range candidates {
			var c combination
			for axis := range c {
				c[axis] = random.IntN(choices[axis])
			}
			fresh := 0
			c.groups(func(g [6]int, weight int) {
				if !seen[g] {
					fresh += weight
				}
			})
			if c.possible() && fresh > most {
				best, most = c, fresh
			}
		}
		if most < 0 {
			continue
		}
		best.groups(func(g [6]int, _ int) { seen[g] = true })
		vectors = append(vectors, best.vector())
	}
	return vectors
}

// groups calls f with each pair and each triple of choices, and how much it
// counts.
func (c combination) groups(f func(group [6]int, weight int)) {
	const pair, triple = 100, 1
	for i := range c {
		for j := range i {
			f([6]int{i, c[i], j, c[j], -1, 0}, pair)
			for k := range j {
				f([6]int{i, c[i], j, c[j], k, c[k]}, triple)
			}
		}
	}
}

// possible reports whether pluto would have such a tunnel.
func (c combination) possible() bool {
	sameFamily := c[byOuter] == c[byInner]
	switch {
	case c[byUplink] == 2 && c[byOuter] == 1:
		return false // the point-to-point device is for IPv4
	case !sameFamily && (c[byRemote] == 2 || c[byRemote] == 3 || c[byLocal] == 0):
		return false // the hosts themselves are of the other family
	case c[byLocal] == 0 && (c[byRemote] == 5 || c[bySource] != 0):
		return false
	case c[bySource] == 1 && c[byRemote] == 5:
		return c[byLocal] == 1 // else the source is in none of the selectors
	}
	return true
}

// vector returns the story of the tunnel that the choices make.
func (c combination) vector() vector {
	v := vector{up: cable, steps: steps([...]string{life, onDemand}[c[byStory]])}
	t := tunnel{
		name: "sampled", dev: "eth0", me: addr("192.1.3.209"), peer: addr("192.1.2.23"),
		link: [...]string{"ipsec1", "ipsec0", "ipsec70"}[c[byLink]], mark: [...]string{"", "256/0x00ff00", "4660/0xffffffff"}[c[byMark]],
		metric: [...]int{0, 7, 2049}[c[byMetric]], mtu: [...]int{0, 1380}[c[byMTU]], port: [...]int{0, 443}[c[byPort]],
		args: [...][]string{nil, {"--route", "y"}, {"custom", "--route", "n"}}[c[byArgs]],
	}
	gateway, other, around := "192.1.3.254", "192.1.3.253", 24
	switch {
	case c[byUplink] == 2:
		v.up, t.dev, t.me = ppp, "ppp0", addr("10.64.0.2")
		gateway, other = "10.64.0.1", "10.64.0.99"
	case c[byOuter] == 1:
		gateway, other, around = "2001:db8:1:3::254", "2001:db8:1:3::253", 64
		t.me, t.peer = addr("2001:db8:1:3::209"), addr("2001:db8:1:2::23")
	}
	if c[byUplink] == 1 { // on the link, and the net around it is not that of the link
		t.peer, around = addr("192.1.3.33"), 29
		if c[byOuter] == 1 {
			t.peer, around = addr("2001:db8:1:3::33"), 125
		}
	}
	t.nextHop = [...]netip.Addr{addr(gateway), addr(other), t.peer}[c[byNextHop]]
	c.selectors(&t, around)
	v.tunnels = []tunnel{t}
	return v
}

// selectors chooses what is protected.
func (c combination) selectors(t *tunnel, around int) {
	everything, remote, one := "0.0.0.0/0", "10.9.0.0/16", "10.7.0.1/32"
	local, source := "198.18.66.0/24", "198.18.66.1"
	if c[byInner] == 1 {
		everything, remote, one = "::/0", "2001:db8:9::/64", "2001:db8:7::1/128"
		local, source = "2001:db8:66::/64", "2001:db8:66::1"
	}
	at := addr(source)
	t.ours = [...]string{netip.PrefixFrom(t.me, t.me.BitLen()).String(), local, netip.PrefixFrom(at, at.BitLen()).String()}[c[byLocal]]
	peer := netip.PrefixFrom(t.peer, t.peer.BitLen()).String()
	t.theirs = [...]string{remote, everything, peer, netip.PrefixFrom(t.peer, around).Masked().String(), one, everything}[c[byRemote]]
	if c[byRemote] == 5 {
		t.ours = t.theirs
	}
	if c[bySource] == 1 || c[bySource] == 3 {
		t.source = at
	}
	if c[bySource] == 2 || c[bySource] == 3 {
		t.address = netip.PrefixFrom(at, netip.MustParsePrefix(local).Bits())
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
