package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/ipsecif/ipsecif/testing/bench/many"
	"github.com/ipsecif/ipsecif/testing/bench/times"
)

// ready measures how long the daemon needs for many conns, beside `up --all` for
// the same ones, and once more where all of them are up already.
func (b *bench) ready() error {
	if err := many.Write(b.conf, atOnce, many.NetToNet); err != nil {
		return err
	}
	var first, again, up times.Times
	for range b.rounds {
		for _, into := range []*times.Times{&first, &again} {
			d, err := b.start()
			if err != nil {
				return err
			}
			*into = append(*into, d.ready)
			if err := d.end(); err != nil {
				return err
			}
		}
		if _, err := b.call("down", "--all"); err != nil {
			return err
		}
		took, err := b.call("up", "--all")
		if err != nil {
			return err
		}
		up = append(up, took)
		if _, err := b.call("down", "--all"); err != nil {
			return err
		}
	}
	fmt.Printf("%d conns: ready after %s, `up --all` takes %s: ratio %s\n", atOnce, first, up, times.InTurns(first, up))
	fmt.Printf("%d conns that are up: ready after %s\n", atOnce, again)
	return nil
}

// rest is how long the daemon is watched while nothing happens.
const rest = time.Minute

// idle measures what the daemon takes while nothing happens.
func (b *bench) idle(conns int) error {
	if err := many.Write(b.conf, conns, many.NetToNet); err != nil {
		return err
	}
	d, err := b.start()
	if err != nil {
		return err
	}
	return errors.Join(d.watch(conns), d.end())
}

func (d *daemon) watch(conns int) error {
	before, err := d.quiet()
	if err != nil {
		return err
	}
	time.Sleep(rest)
	after, err := d.used()
	if err != nil {
		return err
	}
	now, peak, err := d.memory()
	if err != nil {
		return err
	}
	fmt.Printf("%d conns: ready after %s; then at rest %v of a processor in %v, and %s of memory (%s at most)\n",
		conns, times.Short(d.ready), after-before, rest, now, peak)
	return nil
}

// quiet waits until the daemon has used no time for some seconds, and returns how
// much it has used until then.
func (d *daemon) quiet() (time.Duration, error) {
	const pause = 3 * time.Second
	last := time.Duration(-1)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		now, err := d.used()
		if err != nil || now == last {
			return now, err
		}
		last = now
	}
	return 0, fmt.Errorf("the daemon is not at rest after %v", patience)
}
