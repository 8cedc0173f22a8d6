package main

import (
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/testing/bench/pluto"
	"github.com/ipsecif/ipsecif/testing/bench/times"
)

// verbs are what pluto calls for the life of a conn.
var verbs = []string{"route-client", "up-client", "down-client", "unroute-client"}

// lived is what a conn's life has taken, by verb.
type lived map[string]times.Times

// way is a program that can be the hook of pluto.
type way struct {
	name string
	args []string
	made []string // what the host's state has while the conn is up
	took lived
}

// roadwarrior compares the life of a conn that takes all traffic with the same
// by libreswan's script: each process alone, and as pluto starts it, by a shell.
func (b *bench) roadwarrior() error {
	c := pluto.Roadwarrior("", 0)
	ours := []string{"0.0.0.0/1 via 192.1.3.254 dev eth0 proto 50 src 192.0.2.101", "128.0.0.0/1 via 192.1.3.254 dev eth0 proto 50 src 192.0.2.101"}
	theirs := []string{"0.0.0.0/1 via 192.1.3.254 dev eth0 src 192.0.2.101", "128.0.0.0/1 via 192.1.3.254 dev eth0 src 192.0.2.101"}
	if b.links {
		c = pluto.Roadwarrior("ipsec1", 1)
		ours = []string{"default dev ipsec1 table 50", "192.0.2.101"}
		theirs = []string{"0.0.0.0/1 dev ipsec1 scope link src 192.0.2.101", "192.1.2.23 via 192.1.3.254 dev eth0 table 50"}
		if err := b.plutoMakes(); err != nil {
			return err
		}
	}
	hook := []string{b.ipsecif, "updown"}
	ways := []way{
		{"ipsecif updown", hook, ours, lived{}},
		{"ipsec _updown", []string{"ipsec", "_updown"}, theirs, lived{}},
		{"sh -c 'ipsecif updown'", []string{"/bin/sh", "-c", strings.Join(hook, " ")}, ours, lived{}},
		{"sh -c 'ipsec _updown'", []string{"/bin/sh", "-c", "ipsec _updown"}, theirs, lived{}},
	}
	bare, err := b.road.state()
	if err != nil {
		return err
	}
	for range b.rounds {
		for _, w := range ways {
			if err := b.live(c, w, bare); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	for i := 0; i < len(ways); i += 2 {
		for _, verb := range append(verbs, "all four") {
			compared(ways[i].name+" "+verb, "the script", ways[i].took[verb], ways[i+1].took[verb])
		}
	}
	if b.links {
		_, err = b.road.run(call{args: []string{"ip", "link", "del", "dev", "ipsec1"}})
	}
	return err
}

// live measures each verb, and checks the state after it.
func (b *bench) live(c pluto.Conn, w way, bare string) error {
	var set string
	var whole times.Times
	for i, verb := range verbs {
		p, err := b.road.run(call{w.args, c.Environment(verb)})
		switch {
		case err != nil:
		case i == 0:
			set, err = b.road.has(w.made...)
		case i == len(verbs)-1:
			err = b.road.must(bare)
		default:
			err = b.road.must(set)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		if w.args[0] == b.ipsecif {
			b.peak = max(b.peak, p.peak)
		}
		w.took[verb] = append(w.took[verb], p.took)
		whole = append(whole, p.took)
	}
	w.took["all four"] = append(w.took["all four"], whole.Sum())
	return nil
}

// plutoMakes does what pluto itself does before it calls its hook.
func (b *bench) plutoMakes() error {
	for _, line := range []string{
		"ip link add ipsec1 type xfrm if_id 1", "ip address add 192.0.2.101/32 dev ipsec1", "ip link set dev ipsec1 up",
	} {
		if _, err := b.road.run(call{args: strings.Fields(line)}); err != nil {
			return err
		}
	}
	return nil
}
