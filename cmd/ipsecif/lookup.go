package main

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ipsecif/ipsecif/conn"
)

// lookupTimeout bounds the look-up of each host name.
const lookupTimeout = 5 * time.Second

// lookupsAtOnce bounds how many names are looked up together, each with a socket.
const lookupsAtOnce = 256

// lookup resolves the host names of conns, many at once, since one that nobody
// answers for costs all of its time. A name without an address is left out; the
// conn that needs it is refused with its position.
func lookup(conns []conn.Conn) map[string]netip.Addr {
	networks := map[string]string{} // by name
	for i := range conns {
		c := &conns[i]
		for _, h := range []conn.Host{c.Left.Host, c.Right.Host} {
			switch {
			case h.Kind != conn.HostName || networks[h.Name] != "":
			case c.Family == conn.IPv6:
				networks[h.Name] = "ip6"
			default:
				networks[h.Name] = "ip4"
			}
		}
	}
	found := map[string]netip.Addr{}
	var all sync.WaitGroup
	var mu sync.Mutex
	turn := make(chan struct{}, lookupsAtOnce)
	for name, network := range networks {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
			defer cancel()
			addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, name)
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
