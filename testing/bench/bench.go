package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// patience bounds every single command.
const patience = 30 * time.Second

// waitDelay is how long what an ended command left behind may hold its output.
const waitDelay = 2 * time.Second

// What is measured; the names are the lines of the report.
const (
	batchUp       = "ip -batch with the printed plan"
	ipsecifUp     = "ipsecif up"
	scriptUp      = "_updown: prepare, route, up"
	batchDown     = "ip -batch, the reverse"
	ipsecifDown   = "ipsecif down"
	scriptDown    = "_updown: down, unroute"
	ipsecifPlan   = "ipsecif plan (while down)"
	ipsecifStatus = "ipsecif status (while up)"
)

// bench has the host on which everything is measured, and what its state must
// be at the end of each measurement.
type bench struct {
	host      *hosts.Host
	ipsecif   string    // path of the program
	dir       string    // of batch files
	planned   string    // what plan prints
	up, down  []command // what plan and the trace of down say, as commands
	bare, set string    // state of the host while the conn is down and up
}

// command is a program with its arguments, and its whole environment if that
// is not the caller's.
type command struct {
	args []string
	env  []string
}

// run runs commands on the host one after another, and returns how long that
// took and what they printed. The clock starts when the thread is inside the
// host's namespaces.
func (b *bench) run(commands ...command) (took time.Duration, output string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var both bytes.Buffer
	err = b.host.Do(func() error {
		start := time.Now()
		defer func() { took = time.Since(start) }()
		for _, c := range commands {
			cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
			cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &both, &both
			cmd.WaitDelay = waitDelay
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s: %w", strings.Join(c.args, " "), err)
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, both.String())
	}
	return took, both.String(), err
}

func (b *bench) call(args ...string) command {
	return command{args: append([]string{b.ipsecif}, args...)}
}

// prepare finds out what is done for the conn, so that ip can do the same, and
// what comes out of it.
func (b *bench) prepare() (err error) {
	if err := b.host.WriteFile("/etc/ipsec.conf", []byte(ipsecConf), 0o644); err != nil {
		return err
	}
	if b.bare, err = b.state(); err != nil {
		return err
	}
	if b.planned, err = b.plan(nil); err != nil {
		return err
	}
	if b.up, err = b.batches("up", b.planned); err != nil {
		return err
	}
	if _, _, err := b.run(b.call("up", "road")); err != nil {
		return err
	}
	if b.set, err = b.state(); err != nil {
		return err
	}
	if err := contains(b.set, "default dev ipsec1 table 50", "192.0.2.101/32"); err != nil {
		return err
	}
	_, trace, err := b.run(b.call("down", "road"))
	if err != nil {
		return err
	}
	b.down, err = b.batches("down", traced(trace))
	return errors.Join(err, b.must(b.bare))
}

// plan measures and checks a plan, which ends with status 3: there is something
// to do.
func (b *bench) plan(times *samples) (string, error) {
	took, output, err := b.run(b.call("plan", "road"))
	if hosts.ExitCode(err) != 3 {
		return "", fmt.Errorf("ipsecif plan: want exit status 3: %w", errors.Join(err, errors.New(output)))
	}
	if times != nil {
		times.add(ipsecifPlan, took)
	}
	return output, nil
}

// round measures everything once and checks the state after each step.
func (b *bench) round(times *samples) error {
	planned, err := b.plan(times)
	if err == nil && planned != b.planned {
		err = fmt.Errorf("plan has changed:\n%s\nbefore:\n%s", planned, b.planned)
	}
	if err != nil {
		return err
	}
	steps := []struct {
		name string
		do   []command
		want func() error
	}{
		{ipsecifUp, []command{b.call("up", "road")}, b.isSet},
		{ipsecifStatus, []command{b.call("status", "road")}, b.isSet},
		{ipsecifDown, []command{b.call("down", "road")}, b.isBare},
		{batchUp, b.up, b.isSet},
		{batchDown, b.down, b.isBare},
		{plutosPart, plutoMakes, nil},
		{scriptUp, updown("prepare-client", "route-client", "up-client"), b.isScripted},
		{scriptDown, updown("down-client", "unroute-client"), nil},
		{plutosPart, plutoRemoves, b.isBare},
	}
	for _, s := range steps {
		took, _, err := b.run(s.do...)
		if err == nil && s.want != nil {
			err = s.want()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if s.name != plutosPart {
			times.add(s.name, took)
		}
	}
	return nil
}

// state is everything that one of the ways might leave different on the host.
func (b *bench) state() (string, error) {
	file := filepath.Join(b.dir, "state")
	if err := os.WriteFile(file, []byte("link show\naddress show\nrule show\nroute show table all\n"), 0o600); err != nil {
		return "", err
	}
	var both string
	for _, family := range []string{"-4", "-6"} {
		_, output, err := b.run(command{args: []string{"ip", "-br", family, "-batch", file}})
		if err != nil {
			return "", err
		}
		both += output
	}
	return both, nil
}

func (b *bench) must(want string) error {
	got, err := b.state()
	if err == nil && got != want {
		err = fmt.Errorf("the host's state is\n%s\ninstead of\n%s", got, want)
	}
	return err
}

func (b *bench) isBare() error { return b.must(b.bare) }
func (b *bench) isSet() error  { return b.must(b.set) }

func (b *bench) isScripted() error {
	got, err := b.state()
	if err != nil {
		return err
	}
	return contains(got, scripted...)
}

func contains(state string, texts ...string) error {
	var errs []error
	for _, text := range texts {
		if !strings.Contains(state, text) {
			errs = append(errs, fmt.Errorf("no %q", text))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w in the host's state:\n%s", errors.Join(errs...), state)
	}
	return nil
}
