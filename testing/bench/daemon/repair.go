package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ipsecif/ipsecif/testing/bench/many"
	"github.com/ipsecif/ipsecif/testing/bench/times"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// breakage is something that somebody breaks.
type breakage struct {
	name   string
	breaks func(h *netlink.Handle, link netlink.Link, i int) error
	whole  func(h *netlink.Handle, i int) bool // whether the conn with a number has it
}

var breakages = []breakage{
	{"route deleted", func(h *netlink.Handle, link netlink.Link, i int) error {
		return h.RouteDel(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(i), Scope: netlink.SCOPE_LINK})
	}, hasRoute},
	{"address deleted", func(h *netlink.Handle, link netlink.Link, i int) error {
		return h.AddrDel(link, &netlink.Addr{IPNet: &net.IPNet{IP: many.Address(i).Addr().AsSlice(), Mask: net.CIDRMask(32, 32)}})
	}, func(h *netlink.Handle, i int) bool { return hasAddress(h, i) && hasRoute(h, i) }},
	{"link set down", func(h *netlink.Handle, link netlink.Link, _ int) error { return h.LinkSetDown(link) }, hasRoute},
	{"link deleted", func(h *netlink.Handle, link netlink.Link, _ int) error { return h.LinkDel(link) },
		func(h *netlink.Handle, i int) bool { return hasAddress(h, i) && hasRoute(h, i) }},
}

func ipNet(i int) *net.IPNet {
	p := many.Net(i)
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

// hasRoute reports whether the route of a conn is there: the kernel chooses it.
func hasRoute(h *netlink.Handle, i int) bool {
	routes, err := h.RouteGetWithOptions(many.Net(i).Addr().Next().AsSlice(), &netlink.RouteGetOptions{FIBMatch: true})
	return err == nil && len(routes) == 1 && routes[0].Dst.String() == many.Net(i).String()
}

func hasAddress(h *netlink.Handle, i int) bool {
	routes, err := h.RouteGet(many.Address(i).Addr().AsSlice())
	return err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL
}

// repair measures how soon the daemon repairs what is broken of one of many conns;
// each is how many of them are broken in each way.
func (b *bench) repair(conns, each int) error {
	if err := many.Write(b.conf, conns, many.NetToNet); err != nil {
		return err
	}
	d, err := b.start()
	if err != nil {
		return err
	}
	measure := func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		for n, what := range breakages {
			var took times.Times
			for k := range each {
				i := n*each + k // always another one, whose repairs nothing limits
				t, err := d.repairs(h, what, i)
				if err != nil {
					return fmt.Errorf("%s of conn c%d: %w\n%s", what.name, i, err, tail(d.said))
				}
				took = append(took, t)
				// The daemon looks twice, since its repairs are changes, too, and in the
				// long run for a tenth of the time only.
				time.Sleep(100*time.Millisecond + 25*t)
			}
			fmt.Printf("%d conns, %s: whole again after %s, p99 %s\n", conns, what.name, took, times.Short(took.Percentile(99)))
		}
		return nil
	}
	if _, err = d.quiet(); err == nil {
		err = b.on(measure)
	}
	err = errors.Join(err, d.end())
	if _, failed := b.call("down", "--all"); failed != nil {
		err = errors.Join(err, failed)
	}
	return err
}

// repairs breaks something and returns how long it was broken. The pauses leave
// the processor to the daemon.
func (d *daemon) repairs(h *netlink.Handle, what breakage, i int) (time.Duration, error) {
	const pause = time.Millisecond
	link, err := h.LinkByName(many.Link(i))
	if err != nil {
		return 0, err
	}
	if !what.whole(h, i) {
		return 0, errors.New("it is not there at the beginning")
	}
	start := time.Now()
	if err := what.breaks(h, link, i); err != nil {
		return 0, err
	}
	for end := start.Add(patience); !what.whole(h, i); time.Sleep(pause) {
		if time.Now().After(end) {
			return 0, fmt.Errorf("not repaired within %v", patience)
		}
	}
	return time.Since(start), nil
}
