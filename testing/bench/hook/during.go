package main

import (
	"fmt"

	"github.com/ipsecif/ipsecif/testing/bench/times"
)

// during measures hooks while another process brings many conns up, and while it
// brings them down.
func (b *bench) during() error {
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
		c := b.conn(b.road, b.conns)
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
			fmt.Printf("while another process brings %d conns %s in %s: %d hooks, p50 %s, p99 %s, maximum %s\n", b.conns, verb, times.Short(end.took),
				len(hooks), times.Short(hooks.Percentile(50)), times.Short(hooks.Percentile(99)), times.Short(hooks.Percentile(100)))
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
