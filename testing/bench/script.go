package main

import "github.com/ipsecif/ipsecif/testing/bench/pluto"

// plutosPart is not measured: libreswan's script finds the interface and its
// address in place, because pluto makes them itself, by netlink.
const plutosPart = "what pluto does"

var (
	plutoMakes = []command{
		{args: []string{"ip", "link", "add", "ipsec1", "type", "xfrm", "if_id", "1"}},
		{args: []string{"ip", "address", "add", "192.0.2.101/32", "dev", "ipsec1"}},
		{args: []string{"ip", "link", "set", "dev", "ipsec1", "up"}},
	}
	plutoRemoves = []command{{args: []string{"ip", "link", "del", "dev", "ipsec1"}}}
)

// scripted is what the script makes for the roadwarrior.
var scripted = []string{
	"0.0.0.0/1 dev ipsec1 scope link src 192.0.2.101",
	"128.0.0.0/1 dev ipsec1 scope link src 192.0.2.101",
	"192.1.2.23 via 192.1.3.254 dev eth0 table 50",
	"100:	from all fwmark 0x1 lookup 50",
}

// updown calls the script once for each verb, the way pluto does.
func updown(verbs ...string) []command {
	var calls []command
	for _, verb := range verbs {
		env := pluto.Roadwarrior("ipsec1", 1).Environment(verb)
		calls = append(calls, command{args: []string{"/bin/sh", "-c", "ipsec _updown"}, env: env})
	}
	return calls
}
