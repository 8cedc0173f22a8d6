package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/bench/pluto"
	"github.com/ipsecif/ipsecif/testing/bench/times"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// numbered is one of many conns from net to net: with an interface of its own, or
// without one and with a source that all share.
func numbered(number int, me netip.Addr, link bool) pluto.Conn {
	high, low := byte(number>>8), byte(number)
	c := pluto.Conn{
		Name: fmt.Sprint("c", number), Me: me, Peer: netip.AddrFrom4([4]byte{10, high, low, 1}), NextHop: netip.MustParseAddr("192.1.3.254"),
		Ours: netip.MustParsePrefix("172.16.0.0/16"), Theirs: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 128 + high, low, 0}), 24),
		Reqid: 16389 + 4*number,
	}
	if link {
		c.IfID = uint32(number + 1)
		c.Link = fmt.Sprint("ipsec", c.IfID)
	} else {
		c.Source = netip.MustParseAddr("172.16.0.1")
	}
	return c
}

// me is the address of a machine.
func (m machine) me() netip.Addr { return m.host.Addrs()[0] }

// conn returns a numbered conn of a machine.
func (b *bench) conn(m machine, number int) pluto.Conn { return numbered(number, m.me(), b.links) }

// converging returns the call that brings so many conns up or down on a machine,
// all together and as hooks would: this program itself.
func (b *bench) converging(m machine, verb string, conns int) call {
	return call{args: []string{"/proc/self/exe", "-converge", verb, strconv.Itoa(conns), m.me().String(), strconv.FormatBool(b.links)}}
}

// convergeMany is what converging calls.
func convergeMany(verb string, args []string) error {
	if len(args) != 3 {
		return errors.New("-converge {up | down} NUMBER ADDRESS LINKS")
	}
	conns, err1 := strconv.Atoi(args[0])
	me, err2 := netip.ParseAddr(args[1])
	links, err3 := strconv.ParseBool(args[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	var all []conn.Conn
	var names []string
	for number := range conns {
		event, err := hook.Parse(numbered(number, me, links).Environment("up-client"))
		if err != nil {
			return err
		}
		all = append(all, event.Tunnel(conn.Setup{}.Conn(event.Conn)))
		names = append(names, event.ClaimName())
	}
	k, err := kernel.Open()
	if err != nil {
		return err
	}
	defer k.Close()
	e := &updown.Engine{Kernel: k, Store: claim.Open("/run/ipsecif"), Managed: plan.Managed{plan.PlaceOf(&conn.Conn{})}}
	e.Trace = func(plan.Op) {}
	if verb == "up" {
		_, err = e.Up(all)
	} else {
		_, err = e.Down(names, nil)
	}
	return err
}

// few is how many conns the many are compared with.
const few = 10

// beside compares hooks where few conns are up with hooks where many are, on two
// hosts in turns: with a file of one conn, and with one that has all.
func (b *bench) beside() error {
	one, all := filepath.Join(b.dir, "one"), filepath.Join(b.dir, "all")
	if err := errors.Join(writeConf(one, b.conns, b.conns+1, b.links), writeConf(all, 0, b.conns+1, b.links)); err != nil {
		return err
	}
	if err := b.fill("up"); err != nil {
		return err
	}
	for _, conf := range []struct{ name, file string }{{"file with the conn alone", one}, {fmt.Sprintf("file with all %d", b.conns), all}} {
		var up, down [2]times.Times
		for range b.rounds {
			for i, m := range []machine{b.other, b.road} {
				start, end, err := b.pair(m, b.conn(m, b.conns), "--config", conf.file)
				if err != nil {
					return err
				}
				up[i], down[i] = append(up[i], start.took), append(down[i], end.took)
			}
		}
		for _, v := range []struct {
			verb string
			took [2]times.Times
		}{{"route", up}, {"unroute", down}} {
			fmt.Printf("%s, %s: beside %d conns %s, beside %d %s: ratio %s\n", conf.name, v.verb,
				b.conns, v.took[1], few, v.took[0], times.InTurns(v.took[1], v.took[0]))
		}
	}
	return b.fill("down")
}

// fill brings many conns up on one host, and few on the other; or down.
func (b *bench) fill(verb string) error {
	p, err1 := b.road.run(b.converging(b.road, verb, b.conns))
	_, err2 := b.other.run(b.converging(b.other, verb, few))
	fmt.Printf("%d conns %s together, and no hooks: %s\n", b.conns, verb, times.Short(p.took))
	return errors.Join(err1, err2)
}

// pair runs the hook for route and for unroute, and checks the route.
func (b *bench) pair(m machine, c pluto.Conn, flags ...string) (route, unroute process, err error) {
	if route, err = b.serve(m, c.Environment("route-client"), flags...); err != nil {
		return route, unroute, err
	}
	if err = m.routed(c, true); err != nil {
		return route, unroute, err
	}
	if unroute, err = b.serve(m, c.Environment("unroute-client"), flags...); err != nil {
		return route, unroute, err
	}
	return route, unroute, m.routed(c, false)
}

// routed checks whether the host leads the peer's net of a conn as the hook has
// it.
func (m machine) routed(c pluto.Conn, want bool) error {
	p, err := m.run(call{args: []string{"ip", "-4", "route", "get", "fibmatch", c.Theirs.Addr().String()}})
	if got := strings.HasPrefix(p.output, c.Theirs.String()) && strings.Contains(p.output, "proto 50"); err == nil && got != want {
		err = fmt.Errorf("conn %s: a route to %s: %v, want %v: %s", c.Name, c.Theirs, got, want, p.output)
	}
	return err
}

// writeConf writes the conns from first to before end.
func writeConf(file string, first, end int, links bool) error {
	var b strings.Builder
	b.WriteString("config setup\n\tipsec-interface-managed=no\nconn %default\n\tleft=192.1.3.209\n\tleftsubnet=172.16.0.0/16\n")
	for number := first; number < end; number++ {
		c := numbered(number, netip.Addr{}, links)
		fmt.Fprintf(&b, "conn %s\n\tright=%s\n\trightsubnet=%s\n", c.Name, c.Peer, c.Theirs)
		if links {
			fmt.Fprintf(&b, "\tipsec-interface=%d\n", c.IfID)
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}
