package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// near reads the neighbourhood of some tunnels. How long that takes does not
// depend on how many others there are, but for the walk through its tables that
// the kernel does to find the routes of a link.
func (k *Kernel) near(q plan.Query) (plan.Observation, error) {
	o := plan.Observation{State: plan.State{}}
	links := k.newLinkTable()
	settings := map[string]bool{}
	for _, name := range q.Near.Links {
		if err := k.neighbourhood(o.State, links, name); err != nil {
			return o, err
		}
		settings[name] = true
	}
	for _, name := range q.VRFs {
		if _, err := k.link(o.State, links, name); err != nil {
			return o, err
		}
	}
	q.Tables = append(slices.Clone(q.Tables), tablesOf(o.State, q.VRFs)...)
	for _, name := range q.Near.Shared {
		if _, err := k.linkWithAddrs(o.State, links, name); err != nil {
			return o, err
		}
		settings[name] = true
	}
	if err := k.inTables(o.State, links, q); err != nil {
		return o, err
	}
	if err := k.rules(o.State); err != nil {
		return o, err
	}
	var err error
	if o.Facts.Locals.Addrs, err = k.locals(q.Near.Addrs); err != nil {
		return o, err
	}
	if o.Facts.Routed, err = k.routed(o.State, links, q.Near); err != nil {
		return o, err
	}
	if err = k.neighbours(&o, links, q.Near, settings); err != nil {
		return o, err
	}
	if o.Facts.Paths, err = k.paths(q.Paths, links); err != nil {
		return o, fmt.Errorf("asking for routes: %w", err)
	}
	others := slices.Clone(q.Settings)
	for _, index := range q.Indexes {
		others = append(others, k.name(index))
	}
	for _, p := range o.Facts.Paths {
		others = append(others, p.Dev)
	}
	for _, l := range o.Facts.Locals.Addrs {
		others = append(others, l.Dev) // it may be a tunnel
	}
	for _, name := range others {
		if settings[name] {
			continue
		}
		settings[name] = true
		if _, err := k.link(o.State, links, name); err != nil {
			return o, err
		}
	}
	links.resolve(o.State)
	if err := k.others(&o, q, q.Near.Ends); err != nil {
		return o, err
	}
	return o, k.settings(&o, links, settings)
}

// linkWithAddrs adds a link to the state, with its addresses, and returns its
// index, 0 when there is none of that name.
func (k *Kernel) linkWithAddrs(s plan.State, links *linkTable, name string) (uint32, error) {
	index, err := k.link(s, links, name)
	if err != nil || index == 0 {
		return 0, err
	}
	return index, k.addrs(index, links, func(a xfrmi.Addr) { s.Put(a) })
}

// neighbourhood adds a link to the state, with its addresses and routes.
func (k *Kernel) neighbourhood(s plan.State, links *linkTable, name string) error {
	index, err := k.linkWithAddrs(s, links, name)
	if err != nil || index == 0 {
		return err
	}
	each := func(r routing.Route) {
		if r.Table != routing.TableLocal {
			putRoute(s, r)
		}
	}
	for _, family := range []routing.Family{routing.IPv4, routing.IPv6} {
		if err := k.dumpRoutes(routeFilter{family: family, oif: index}, links, each); err != nil {
			return err
		}
	}
	return nil
}

// link adds a link to the state and returns its index, 0 when there is none of
// that name.
func (k *Kernel) link(s plan.State, links *linkTable, name string) (uint32, error) {
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return 0, nil
	}
	req := linksRequest(k, 0)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	msg, err := k.dumps.one(req, unix.RTM_NEWLINK)
	switch {
	case errors.Is(err, unix.ENODEV):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("reading link %s: %w", name, err)
	}
	return links.link(s, msg), nil
}

// inTables adds all routes of the tables asked for, and the guards of others.
func (k *Kernel) inTables(s plan.State, links *linkTable, q plan.Query) error {
	each := func(r routing.Route) { putOnce(s, r) }
	for _, family := range []routing.Family{routing.IPv4, routing.IPv6} {
		for _, t := range q.Tables {
			if err := k.dumpRoutes(routeFilter{family: family, table: t}, links, each); err != nil {
				return err
			}
		}
		for _, t := range q.Near.Guards {
			f := routeFilter{family: family, table: t, kind: routing.Unreachable}
			if err := k.dumpRoutes(f, links, each); err != nil {
				return err
			}
		}
	}
	return nil
}

// putOnce adds a route unless it was read before: put a second time, it would
// look like two routes.
func putOnce(s plan.State, r routing.Route) {
	if have, read := s[r.Key()]; !read || have != r {
		putRoute(s, r)
	}
}

// locals returns those of some addresses that are this host's.
func (k *Kernel) locals(addrs []netip.Addr) ([]conn.LocalAddr, error) {
	var reqs []*nl.NetlinkRequest
	for _, a := range addrs {
		if a.Is4() {
			reqs = append(reqs, k.routeQuery(a, 0, rtmFFIBMatch))
		} else {
			reqs = append(reqs, k.addrQuery(a))
		}
	}
	answers, err := k.ask(reqs)
	if err != nil {
		return nil, fmt.Errorf("asking for addresses: %w", err)
	}
	var locals []conn.LocalAddr
	for i, a := range answers {
		switch {
		case a.addr != nil:
			locals = append(locals, conn.LocalAddr{Dev: k.name(a.addr.Index), Addr: addrs[i]})
		case a.route != nil && a.route.Type == unix.RTN_LOCAL:
			locals = append(locals, conn.LocalAddr{Dev: k.name(number(a.attrs[unix.RTA_OIF])), Addr: addrs[i]})
		}
	}
	return locals, nil
}

// addrQuery asks for an IPv6 address of this host. There is no such question for
// IPv4; and the local route of an IPv6 address comes some time after it.
func (k *Kernel) addrQuery(a netip.Addr) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_GETADDR, 0)
	req.AddData(nl.NewIfAddrmsg(unix.AF_INET6))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, a.AsSlice()))
	return req
}

// routed returns those of the nets asked for that have a route of their own, as
// far as the kernel would choose it, and adds those that are to be read.
func (k *Kernel) routed(s plan.State, links *linkTable, near *plan.Near) ([]netip.Prefix, error) {
	nets := near.Dsts
	var reqs []*nl.NetlinkRequest
	for _, n := range nets {
		flags := uint32(rtmFFIBMatch)
		if n.Addr().Is4() {
			flags |= unix.RTM_F_LOOKUP_TABLE // in IPv6 the answer has the table anyway
		}
		reqs = append(reqs, k.routeQuery(n.Addr(), 0, flags))
	}
	answers, err := k.ask(reqs)
	if err != nil {
		return nil, fmt.Errorf("asking for routes: %w", err)
	}
	var routed []netip.Prefix
	for i, a := range answers {
		if a.route != nil && a.route.Type == unix.RTN_UNICAST && prefix(a.attrs[unix.RTA_DST], a.route.Dst_len, a.route.Family) == nets[i] {
			routed = append(routed, nets[i])
			r := parseRoute(a.route, a.attrs, links)
			if slices.Contains(near.Shared, r.Dev) || r.Table == routing.TableMain && slices.Contains(near.Nets, nets[i]) {
				putOnce(s, r)
			}
		}
	}
	return routed, nil
}
