package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/ipsecif/ipsecif/testing/bench/many"
	"github.com/ipsecif/ipsecif/testing/bench/times"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// patience bounds every call.
const patience = 5 * time.Minute

// gateway is the host on which all is measured. Between the measurements it has
// no conns.
type gateway struct {
	host    *hosts.Host
	ipsecif string
	dir     string
}

// call is what one run of a program took and said.
type call struct {
	took   time.Duration
	peak   int64 // KiB
	output string
	trace  []string // operations, as ip(8) commands
}

func (g *gateway) run(name string, args ...string) (c call, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = g.host.Do(func() error {
		start := time.Now()
		defer func() { c.took = time.Since(start) }()
		return cmd.Run()
	})
	c.output = stdout.String()
	for line := range strings.Lines(stderr.String()) {
		if op, ok := strings.CutPrefix(line, "[#] "); ok {
			c.trace = append(c.trace, strings.TrimSpace(op))
		}
	}
	if err != nil {
		return c, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = usage.Maxrss
	}
	return c, nil
}

// ours runs ipsecif with a configuration.
func (g *gateway) ours(conf string, args ...string) (call, error) {
	return g.run(g.ipsecif, append([]string{"--config", path(g.dir, conf), "--state-dir", path(g.dir, "state")}, args...)...)
}

// alone sends the messages of operations, and nothing else.
func (g *gateway) alone(lines []string) (took time.Duration, err error) {
	var ops []plan.Op
	for _, line := range lines {
		op, err := plan.ParseOp(line)
		if err != nil {
			return 0, err
		}
		ops = append(ops, op)
	}
	err = g.host.Do(func() error {
		k, err := kernel.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		start := time.Now()
		defer func() { took = time.Since(start) }()
		return k.Apply(ops, func(plan.Op) {})
	})
	return took, err
}

// inverse returns the deletion of what operations have made.
func inverse(lines []string) []string {
	var del []string
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "ip link add "); ok {
			name, _, _ := strings.Cut(rest, " ")
			del = append(del, "ip link del dev "+name)
		}
	}
	return del
}

// all measures what all conns cost together.
func (g *gateway) all(rounds, conns int) error {
	sizes := []int{conns / 100, conns / 10, conns}
	cost := map[int]times.Times{}
	for _, n := range sizes {
		if err := many.Write(path(g.dir, "all.conf"), n, many.NetToNet); err != nil {
			return err
		}
		var up, down, raw, again times.Times
		var peak int64
		for range rounds {
			first, err := g.ours("all.conf", "up", "--all")
			if err != nil {
				return err
			}
			second, err := g.ours("all.conf", "up", "--all")
			if err != nil {
				return err
			}
			if len(second.trace) > 0 {
				return fmt.Errorf("the second up --all of %d conns changes something: %s", n, second.trace[0])
			}
			last, err := g.ours("all.conf", "down", "--all")
			if err != nil {
				return err
			}
			took, err := g.alone(first.trace)
			if err == nil {
				_, err = g.alone(inverse(first.trace))
			}
			if err != nil {
				return err
			}
			up, again, down, raw = append(up, first.took), append(again, second.took), append(down, last.took), append(raw, took)
			peak = max(peak, first.peak)
			if n == conns/100 && len(cost[n]) == 0 {
				if err := g.shellLoop(first, n); err != nil {
					return err
				}
			}
			cost[n] = append(cost[n], first.took)
		}
		fmt.Printf("%d conns: up --all %s, the same messages alone %s, ratio %s\n", n, up, raw, times.Ratio(up, 1, raw, 1))
		fmt.Printf("%d conns: up --all again, nothing to do %s; down --all %s; peak %d MB\n", n, again, down, peak>>10)
	}
	small, large := sizes[0], sizes[2]
	fmt.Printf("cost per conn of up --all at %d against %d: %s\n", large, small, times.Ratio(cost[large], large, cost[small], small))
	return nil
}

// shellLoop runs each operation as a command of its own.
func (g *gateway) shellLoop(up call, conns int) error {
	file := path(g.dir, "loop.sh")
	if err := g.host.WriteFile(file, []byte("set -e\n"+strings.Join(up.trace, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	loop, err := g.run("sh", file)
	if err != nil {
		return err
	}
	if _, err := g.alone(inverse(up.trace)); err != nil {
		return err
	}
	fmt.Printf("%d conns: a shell loop of ip %s, %.0f times up --all\n", conns, times.Short(loop.took), float64(loop.took)/float64(up.took))
	return nil
}

// one measures a single conn, beside few others and beside many: from a file of
// its own, and from one that has all of them.
func (g *gateway) one(rounds, conns int) error {
	name := fmt.Sprint("c", conns)
	for _, s := range []many.Sort{many.NetToNet, many.HostToHost} {
		if err := errors.Join(many.Write(path(g.dir, "few"), 10, s), many.Write(path(g.dir, "many"), conns, s),
			many.WriteOne(path(g.dir, "one"), conns, s), many.Write(path(g.dir, "all"), conns+1, s)); err != nil {
			return err
		}
		for _, conf := range []string{"one", "all"} {
			few, err := g.beside(rounds, "few", name, conf)
			if err != nil {
				return err
			}
			many, err := g.beside(rounds, "many", name, conf)
			if err != nil {
				return err
			}
			fmt.Printf("%s, file with %s conn: up of one beside %d %s, beside 10 %s, ratio %s\n", s, conf, conns, many.up, few.up, times.Ratio(many.up, 1, few.up, 1))
			fmt.Printf("%s, file with %s conn: down of one beside %d %s, beside 10 %s, ratio %s\n", s, conf, conns, many.down, few.down, times.Ratio(many.down, 1, few.down, 1))
		}
	}
	return nil
}

// single is what one conn costs.
type single struct{ up, down times.Times }

// beside brings the conns of one file up, and measures a conn of another.
func (g *gateway) beside(rounds int, others, name, conf string) (s single, err error) {
	if _, err := g.ours(others, "up", "--all"); err != nil {
		return s, err
	}
	for range 2 * rounds {
		up, err := g.ours(conf, "up", name)
		if err != nil {
			return s, err
		}
		down, err := g.ours(conf, "down", name)
		if err != nil {
			return s, err
		}
		if len(up.trace) == 0 || len(down.trace) == 0 {
			return s, fmt.Errorf("up or down of %s changes nothing", name)
		}
		s.up, s.down = append(s.up, up.took), append(s.down, down.took)
	}
	_, err = g.ours(others, "down", "--all")
	return s, err
}

// rules counts the rules of conns that share a mark.
func (g *gateway) rules(_, conns int) error {
	if err := many.Write(path(g.dir, "hosts.conf"), conns, many.HostToHost); err != nil {
		return err
	}
	up, err := g.ours("hosts.conf", "up", "--all")
	if err != nil {
		return err
	}
	shown, err := g.run("ip", "-4", "rule", "show")
	if err != nil {
		return err
	}
	ours := strings.Count(shown.output, "\n") - 3 // those of the kernel
	fmt.Printf("%d conns from host to host with one mark: %d rules, up --all %s, peak %d MB\n", conns, ours, times.Short(up.took), up.peak>>10)
	_, err = g.ours("hosts.conf", "down", "--all")
	return err
}
