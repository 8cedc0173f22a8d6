package main

import (
	"fmt"
	"net/netip"

	"github.com/ipsecif/ipsecif/testing/bench/pluto"
	"github.com/ipsecif/ipsecif/testing/bench/times"
)

// during measures hooks while another process brings many conns up, and while it
// brings them down: for a conn that shares its source with the many if they have
// one, and for one that shares nothing.
func (b *bench) during() error {
	alone := b.conn(b.road, b.conns)
	shares := alone
	if !b.links {
		alone.Source = netip.MustParseAddr("172.16.0.2")
	}
	if err := b.idle(alone); err != nil {
		return err
	}
	if err := b.hooksDuring("of its own", alone); err != nil || b.links {
		return err
	}
	return b.hooksDuring("with the source of all", shares)
}

// idle measures hooks while nothing else happens, as far as this program knows.
func (b *bench) idle(c pluto.Conn) error {
	var hooks times.Times
	for range max(b.rounds, 50) {
		route, unroute, err := b.pair(b.road, c)
		if err != nil {
			return err
		}
		hooks = append(hooks, route.took, unroute.took)
	}
	fmt.Printf("while no other process does anything: %s\n", percentiles(hooks))
	return nil
}

func percentiles(hooks times.Times) string {
	return fmt.Sprintf("%d hooks, p50 %s, p99 %s, maximum %s", len(hooks),
		times.Short(hooks.Percentile(50)), times.Short(hooks.Percentile(99)), times.Short(hooks.Percentile(100)))
}

// hooksDuring does that for one conn.
func (b *bench) hooksDuring(what string, c pluto.Conn) error {
	bare, err := b.road.state()
	if err != nil {
		return err
	}
	for _, verb := range []string{"up", "down"} {
		type result struct {
			process
			err error
		}
		other := make(chan result, 1)
		go func() {
			p, err := b.road.run(b.converging(b.road, verb, b.conns))
			other <- result{p, err}
		}()
		var hooks times.Times
		for {
			route, unroute, err := b.pair(b.road, c)
			if err != nil {
				return fmt.Errorf("while %d conns go %s: %w", b.conns, verb, err)
			}
			hooks = append(hooks, route.took, unroute.took)
			var end result
			select {
			case end = <-other:
			default:
				continue
			}
			if end.err != nil {
				return end.err
			}
			fmt.Printf("a conn %s, while another process brings %d conns %s in %s: %s\n", what, b.conns, verb, times.Short(end.took), percentiles(hooks))
			break
		}
		if verb == "down" {
			err = b.road.must(bare)
		} else {
			for number := 0; number < b.conns && err == nil; number += b.conns/10 - 1 {
				err = b.road.routed(b.conn(b.road, number), true)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
