package main

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// lookupTimeout bounds the look-up of each host name.
const lookupTimeout = 5 * time.Second

// lookupsAtOnce bounds how many names are looked up together, each with a socket.
const lookupsAtOnce = 256

// lookup resolves the host names of conns, many at once, since one that nobody
// answers for costs all of its time; one that conns of both families have, in both
// families. A name without an address is left out; the
// conn that needs it is refused with its position.
func lookup(conns []conn.Conn) plan.Names {
	var names []plan.Name
	for i := range conns {
		names = append(names, plan.NamesOf(&conns[i])...)
	}
	asked, found := map[plan.Name]bool{}, plan.Names{}
	var all sync.WaitGroup
	var mu sync.Mutex
	turn := make(chan struct{}, lookupsAtOnce)
	for _, name := range names {
		if asked[name] {
			continue
		}
		asked[name] = true
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
			defer cancel()
			addrs, err := net.DefaultResolver.LookupNetIP(ctx, networkOf(name.Family), name.Host)
			if err != nil || len(addrs) == 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found[name] = addrs[0].Unmap()
		})
	}
	all.Wait()
	return found
}

// networkOf returns how package net calls a family.
func networkOf(f conn.Family) string {
	if f == conn.IPv6 {
		return "ip6"
	}
	return "ip4"
}
