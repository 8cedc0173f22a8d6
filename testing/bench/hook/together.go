package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/testing/bench/times"
)

// atOnce is how many hooks are called at once, and tenth with how many scripts
// they are compared.
const atOnce, tenth = 200, 20

// together compares many hooks at once, for different conns, with a tenth as many
// scripts one after another, as pluto calls them: at once they fail each other.
func (b *bench) together() error {
	if b.links {
		if err := b.plutoMakesMany(); err != nil {
			return err
		}
	}
	bare, err := b.road.state()
	if err != nil {
		return err
	}
	for _, verb := range []string{"route-client", "unroute-client"} {
		var ours []call
		for number := range atOnce {
			ours = append(ours, call{[]string{b.ipsecif, "updown"}, b.conn(b.road, number).Environment(verb)})
		}
		hooks, took, err := b.road.start(ours...)
		if err == nil {
			err = b.complete(verb, bare)
		}
		if err != nil {
			return fmt.Errorf("%d hooks at once: %w", atOnce, err)
		}
		for _, h := range hooks {
			b.peak = max(b.peak, h.peak)
		}
		var scripts times.Times
		for number := range tenth {
			p, err := b.other.run(call{[]string{"ipsec", "_updown"}, b.conn(b.other, number).Environment(verb)})
			if err != nil {
				return err
			}
			scripts = append(scripts, p.took)
		}
		fmt.Printf("%s: %d hooks at once %s, %d scripts %s: ratio %.2f\n", verb,
			atOnce, times.Short(took), tenth, times.Short(scripts.Sum()), float64(took)/float64(scripts.Sum()))
	}
	if b.links {
		for _, m := range []machine{b.road, b.other} {
			if _, err := m.run(call{args: []string{"ip", "link", "del", "group", linkGroup}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete checks that everything is there after route, and nothing after
// unroute.
func (b *bench) complete(verb, bare string) error {
	if verb != "route-client" {
		return b.road.must(bare)
	}
	var errs []error
	for number := range atOnce {
		errs = append(errs, b.road.routed(b.conn(b.road, number), true))
	}
	return errors.Join(errs...)
}

// linkGroup is that of the interfaces that pluto would make.
const linkGroup = "4711"

// plutoMakesMany makes the interfaces of numbered conns on both hosts, as pluto
// itself does.
func (b *bench) plutoMakesMany() error {
	var lines strings.Builder
	for number := range atOnce {
		c := b.conn(b.road, number)
		fmt.Fprintf(&lines, "link add %s type xfrm if_id %d\nlink set dev %s up group %s\n", c.Link, c.IfID, c.Link, linkGroup)
	}
	for _, m := range []machine{b.road, b.other} {
		if err := m.host.WriteFile("/run/links", []byte(lines.String()), 0o600); err != nil {
			return err
		}
		if _, err := m.run(call{args: []string{"ip", "-batch", "/run/links"}}); err != nil {
			return err
		}
	}
	return nil
}
