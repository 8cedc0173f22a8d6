package hosts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// plan is what a host looks like.
type plan struct {
	name    string
	ports   []port
	gateway string   // last part of the default gateway's addresses, on the last port; empty: none
	forward bool     // forwards packets between its ports
	needs   []string // hosts without which it cannot be used
}

// port is an interface of a host on a segment. Its addresses are made from the segment's two prefixes and the last parts.
type port struct {
	name    string
	segment string
	last    []string
}

// cable is the name of the interface that a port is connected to, in the namespace of the segments.
func (p plan) cable(to port) string { return p.name + "-" + to.name }

// segments maps the first three parts of a segment's IPv4 addresses, which is its name, to the first part of its IPv6 addresses.
var segments = map[string]string{
	"192.0.1":    "2001:db8:0:1",
	"192.0.2":    "2001:db8:0:2",
	"192.0.3":    "2001:db8:0:3",
	"192.1.2":    "2001:db8:1:2",
	"192.1.3":    "2001:db8:1:3",
	"198.51.100": "2001:db8:64",
}

var plans = []plan{
	{name: "east", gateway: "254", forward: true, needs: []string{"nic"},
		ports: []port{{"eth0", "192.0.2", []string{"254"}}, {"eth1", "192.1.2", []string{"23"}}}},
	{name: "west", gateway: "254", forward: true, needs: []string{"nic"},
		ports: []port{{"eth0", "192.0.1", []string{"254"}}, {"eth1", "192.1.2", []string{"45"}}}},
	{name: "north", gateway: "254", forward: true, needs: []string{"nic"},
		ports: []port{{"eth0", "192.0.3", []string{"254"}}, {"eth1", "192.1.3", []string{"33"}}}},
	{name: "road", gateway: "254", needs: []string{"nic"},
		ports: []port{{"eth0", "192.1.3", []string{"209"}}}},
	// dual has two providers; the default route is that of the second one.
	{name: "dual", gateway: "254", forward: true, needs: []string{"nic"},
		ports: []port{{"eth0", "192.1.2", []string{"77"}}, {"eth1", "192.1.3", []string{"77"}}}},
	{name: "neighbour", gateway: "254", needs: []string{"nic"},
		ports: []port{{"eth0", "192.1.3", []string{"99"}}}},
	// server is a host of the LAN behind east, without a gateway.
	{name: "server",
		ports: []port{{"eth0", "192.0.2", []string{"10"}}}},
	{name: "inet", gateway: "254", needs: []string{"nic"},
		ports: []port{{"eth0", "198.51.100", []string{"10"}}}},
	// nic joins the segments; its second address on 192.1.3 is there to be an alternative default gateway.
	{name: "nic", forward: true,
		ports: []port{{"eth1", "192.1.2", []string{"254"}}, {"eth2", "192.1.3", []string{"254", "253"}}, {"eth3", "198.51.100", []string{"254"}}}},
}

// prefixes are the addresses of a port with their prefix lengths, in the order in which they are to be added: the kernel prefers the first IPv4 and
// the last IPv6 address as source.
func (p port) prefixes() []netip.Prefix {
	var v4s, v6s []netip.Prefix
	for _, last := range p.last {
		v4, v6 := segmentAddrs(p.segment, last)
		v4s, v6s = append(v4s, netip.PrefixFrom(v4, 24)), append(v6s, netip.PrefixFrom(v6, 64))
	}
	slices.Reverse(v6s)
	return append(v4s, v6s...)
}

// segmentAddrs are the IPv4 and the IPv6 address on a segment with the given last part.
func segmentAddrs(segment, last string) (v4, v6 netip.Addr) {
	return netip.MustParseAddr(segment + "." + last), netip.MustParseAddr(segments[segment] + "::" + last)
}

// choose returns the plans of the named hosts and of those they need, in the order of plans.
func choose(names []string) ([]plan, error) {
	wanted := slices.Clone(names)
	for i := 0; i < len(wanted); i++ { // grows while it runs
		at := slices.IndexFunc(plans, func(p plan) bool { return p.name == wanted[i] })
		if at < 0 {
			return nil, fmt.Errorf("no host %q in the test network; there are %s", wanted[i], strings.Join(planNames(), ", "))
		}
		for _, need := range plans[at].needs {
			if !slices.Contains(wanted, need) {
				wanted = append(wanted, need)
			}
		}
	}
	var chosen []plan
	for _, p := range plans {
		if slices.Contains(wanted, p.name) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

func planNames() []string {
	var names []string
	for _, p := range plans {
		names = append(names, p.name)
	}
	return names
}
