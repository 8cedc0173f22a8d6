package conn

import (
	"fmt"
	"net/netip"
	"slices"
)

// linkNets returns the addresses of the tunnel's device that have a net: the
// kernel makes a route to that.
func (t *tunnel) linkNets() []netip.Prefix {
	if t.External || t.AddrDev == AddrDevLo {
		return nil
	}
	ours, _ := t.Ends(t.ours)
	return slices.DeleteFunc(slices.Clone(ours.InterfaceIPs), netip.Prefix.IsSingleIP)
}

// netClashes finds routes of main to the net of an address of another conn.
func (l *linter) netClashes(routes []*route) {
	type linkNet struct {
		*tunnel
		addr netip.Prefix
	}
	nets := map[netip.Prefix]linkNet{}
	for i := range l.tunnels {
		t := &l.tunnels[i]
		if t.enclosed() {
			continue
		}
		for _, a := range t.linkNets() {
			if _, ok := nets[a.Masked()]; !ok {
				nets[a.Masked()] = linkNet{t, a}
			}
		}
	}
	for _, r := range routes {
		of, ok := nets[r.dst]
		own := slices.ContainsFunc(r.linkNets(), func(a netip.Prefix) bool { return a.Masked() == r.dst })
		if !ok || own || r.table != tableMain {
			continue
		}
		hint := "give the other one its address without a length"
		if of.Interface == r.Interface {
			hint = "give both the same address"
		}
		l.warn(r.Conn, r.selectorKey(), CodeRouteClash, fmt.Sprintf("the kernel makes a route to %s with the address %s of conn %q (%s), and this conn needs one, so only one of the two can be up",
			r.dst, of.addr, of.Name, of.Pos), hint)
	}
}
