// Command confbench measures how long libreswan's readwriteconf and ipsecif
// take to read the same large configuration, side by side in one run, and how
// much memory they need. It runs in the lab: bin/lab run --mode native --
// bin/confbench. The path of ipsecif is in IPSECIF_BIN.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/ipsecif/ipsecif/testing/differential"
)

const readwriteconf = "/usr/libexec/ipsec/readwriteconf"

// runTimeout bounds one run of a program.
const runTimeout = 2 * time.Minute

func main() {
	rounds := flag.Int("rounds", 7, "`number` of measurements of each program")
	conns := flag.Int("conns", 10000, "`number` of conns; a tenth of it is measured, too")
	flag.Parse()
	if err := bench(*rounds, *conns); err != nil {
		fmt.Fprintln(os.Stderr, "confbench:", err)
		os.Exit(1)
	}
}

func bench(rounds, conns int) error {
	if rounds < 1 || conns < 10 {
		return errors.New("at least 1 round and 10 conns are needed")
	}
	ipsecif := os.Getenv("IPSECIF_BIN")
	if ipsecif == "" {
		return errors.New("IPSECIF_BIN must be the path of ipsecif")
	}
	dir, err := os.MkdirTemp("", "confbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	large, small := filepath.Join(dir, "large.conf"), filepath.Join(dir, "small.conf")
	if err := errors.Join(write(large, conns), write(small, conns/10)); err != nil {
		return err
	}
	programs := []*program{
		{name: "readwriteconf", args: []string{readwriteconf, "--config", large}},
		{name: "ipsecif check", args: []string{ipsecif, "--config", large, "check"}},
		{name: "ipsecif conf", args: []string{ipsecif, "--config", large, "conf"}},
		{name: "ipsecif check, small", args: []string{ipsecif, "--config", small, "check"}},
		{name: "ipsecif version", args: []string{ipsecif, "version"}},
	}
	for range rounds { // in turns, so that a busy moment hits all
		for _, p := range programs {
			if err := p.run(); err != nil {
				return err
			}
		}
	}
	report(programs, conns)
	return nil
}

func write(name string, conns int) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(differential.Realistic(file, conns), file.Close())
}

// program is a command line and what its runs took.
type program struct {
	name  string
	args  []string
	times []time.Duration // wall clock
	peak  int64           // largest resident size of all runs, in KiB
}

func (p *program) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Stdout = io.Discard
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.times = append(p.times, time.Since(start))
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.peak = max(p.peak, usage.Maxrss)
	}
	return nil
}

// spread returns the fastest, middle and slowest run.
func (p *program) spread() (low, middle, high time.Duration) {
	slices.Sort(p.times)
	return p.times[0], p.times[len(p.times)/2], p.times[len(p.times)-1]
}

func report(programs []*program, conns int) {
	fmt.Printf("%d conns of 20 keys, %d rounds: median (fastest to slowest)\n", conns, len(programs[0].times))
	for _, p := range programs {
		low, middle, high := p.spread()
		fmt.Printf("%-22s %9s (%s to %s), peak %d MB\n", p.name, round(middle), round(low), round(high), p.peak>>10)
	}
	slow, slowest := ratio(programs[0], programs[1]), ratio(programs[0], programs[2])
	fmt.Printf("readwriteconf takes %s times as long as check, %s times as long as conf\n", slow, slowest)
	_, start, _ := programs[4].spread()
	_, large, _ := programs[1].spread()
	_, small, _ := programs[3].spread()
	perLarge := float64(large-start) / float64(conns)
	perSmall := float64(small-start) / float64(conns/10)
	fmt.Printf("cost per conn without the start of the program: %.2f us with %d conns, %.2f us with %d: ratio %.2f\n",
		perLarge/1e3, conns, perSmall/1e3, conns/10, perLarge/perSmall)
}

// ratio tells how much longer a takes than b, with the spread of the rounds.
func ratio(a, b *program) string {
	lowA, middleA, highA := a.spread()
	lowB, middleB, highB := b.spread()
	return fmt.Sprintf("%.1f (%.1f to %.1f)", float64(middleA)/float64(middleB), float64(lowA)/float64(highB), float64(highA)/float64(lowB))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
