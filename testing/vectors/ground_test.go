package vectors_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ground is where vectors run. A machine is used again as long as it is as it
// was made.
type ground struct {
	dir   string // for logs
	pairs map[uplink]*pair
}

// pair is two machines that are alike: on one works ipsecif, on the other
// libreswan's script beside what pluto does itself.
type pair struct{ ours, theirs *machine }

func (g *ground) close() error {
	var errs []error
	for _, p := range g.pairs {
		for _, m := range []*machine{p.ours, p.theirs} {
			if m != nil {
				errs = append(errs, m.network.Close())
			}
		}
	}
	return errors.Join(errs...)
}

// pair returns two machines with an uplink, as they were made.
func (g *ground) pair(up uplink) (*pair, error) {
	p := g.pairs[up]
	if p == nil {
		p = &pair{}
		g.pairs[up] = p
	}
	for _, m := range []**machine{&p.ours, &p.theirs} {
		if *m != nil {
			untouched, err := (*m).untouched()
			if err != nil {
				return nil, err
			}
			if untouched {
				continue
			}
			if err := (*m).network.Close(); err != nil {
				return nil, err
			}
			*m = nil
		}
		dir, err := os.MkdirTemp(g.dir, "machine")
		if err != nil {
			return nil, err
		}
		if *m, err = newMachine(dir, up); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// run plays a vector on both machines and returns in what they differ. That
// ipsecif leaves something behind is an error.
func (g *ground) run(v vector) ([]deviation, error) {
	p, err := g.pair(v.up)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.ours.run(v.before...), p.theirs.run(v.before...)); err != nil {
		return nil, err
	}
	start, err := lookAtAll(p.ours.host)
	if err != nil {
		return nil, err
	}
	var all []deviation
	there := map[int]bool{} // tunnels of which pluto has put addresses on the interface
	for _, s := range v.steps {
		deviations, err := p.step(v, s, there)
		if err != nil {
			return nil, fmt.Errorf("%c:%s: %w", 'a'+s.tunnel, s.action, err)
		}
		all = append(all, deviations...)
	}
	for _, t := range v.tunnels {
		if err := p.theirs.plutoEnds(t); err != nil {
			return nil, err
		}
	}
	end, err := lookAtAll(p.ours.host)
	if more, less := end.less(start), start.less(end); len(more)+len(less) > 0 {
		return nil, fmt.Errorf("ipsecif leaves behind:\n\t%s\nand takes away:\n\t%s", strings.Join(more, "\n\t"), strings.Join(less, "\n\t"))
	}
	return all, err
}

// step calls the hooks once and compares the machines.
func (p *pair) step(v vector, s step, there map[int]bool) (all []deviation, err error) {
	t := v.tunnels[s.tunnel]
	if !there[s.tunnel] {
		if err := p.theirs.plutoAdds(t); err != nil {
			return nil, err
		}
		there[s.tunnel] = true
	}
	oursFailed, theirsFailed := p.ours.ipsecif(t, s.action), p.theirs.libreswan(t, s.action)
	switch {
	case oursFailed != nil && theirsFailed == nil:
		all = append(all, deviation{s, true, "error: " + oursFailed.Error()})
	case oursFailed == nil && theirsFailed != nil:
		all = append(all, deviation{s, false, "error: " + theirsFailed.Error()})
	}
	if s.action == "unroute" {
		delete(there, s.tunnel)
		var others []tunnel
		for i := range there {
			others = append(others, v.tunnels[i])
		}
		if err := p.theirs.plutoRemoves(t, others); err != nil {
			return nil, err
		}
	}
	ours, err := look(p.ours.host)
	if err != nil {
		return nil, err
	}
	theirs, err := look(p.theirs.host)
	for _, o := range ours.less(theirs) {
		all = append(all, deviation{s, true, o})
	}
	for _, o := range theirs.less(ours) {
		all = append(all, deviation{s, false, o})
	}
	return slices.Clip(all), err
}
