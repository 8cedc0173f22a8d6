package pluto

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// The rewrites of this file concern left=, right= and next hops.

// standIn gives a host a name that conn takes, and has the record show the old
// text.
func (p *prediction) standIn(i int) {
	name, text := fmt.Sprintf("stand-in-%s.invalid", p.keys[i].name), p.keys[i].value
	p.keys[i].value = name
	p.adjust = append(p.adjust, func(r Record) { r[valuePairs] = strings.ReplaceAll(r[valuePairs], name, text) })
}

func rewriteNextHopDirect(p *prediction) bool {
	for _, key := range [...]string{"leftnexthop", "rightnexthop"} {
		if i := p.index(key); i >= 0 && p.keys[i].value == "%direct" {
			p.drop(i)
			p.refused = true
			return true
		}
	}
	return false
}

// noDevice is the name of a device that no host has.
const noDevice = "%no-such-device"

func rewriteDefaultRouteFamily(p *prediction) bool {
	for i, k := range p.keys {
		if k.value == "%defaultroute4" || k.value == "%defaultroute6" {
			p.keys[i].value = noDevice
			return true
		}
	}
	return false
}

// rewriteMixedHosts finds conns of which one value is IPv6 by its looks.
func rewriteMixedHosts(p *prediction) bool {
	six := p.value("hostaddrfamily") == "ipv6"
	for _, key := range [...]string{"left", "right", "leftnexthop", "rightnexthop"} {
		value := p.value(key)
		six = six || strings.Contains(value, ":") || strings.HasPrefix(value, "%") && strings.HasSuffix(value, "6")
	}
	for _, key := range [...]string{"left", "right"} {
		if a, err := netip.ParseAddr(p.value(key)); six && err == nil && a.Is4() {
			p.standIn(p.index(key))
			return true
		}
	}
	return false
}

// rewriteResolvedHost spells such an address in a way that conn takes.
func rewriteResolvedHost(p *prediction) bool {
	i := p.wrong(conn.CodeInvalidValue, "left", "right")
	if i < 0 {
		return false
	}
	if n, err := strconv.ParseUint(p.keys[i].value, 10, 32); err == nil {
		p.keys[i].value = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
		return true
	}
	a, err := netip.ParseAddr(p.keys[i].value)
	if err != nil {
		return false
	}
	b := a.As16()
	p.keys[i].value = fmt.Sprintf("%x:%x:%x:%x:%x:%x:%x:%x", b[0:2], b[2:4], b[4:6], b[6:8], b[8:10], b[10:12], b[12:14], b[14:16])
	return true
}

func rewriteHostName(p *prediction) bool {
	i := p.wrong(conn.CodeInvalidValue, "left", "right")
	if i < 0 || strings.HasPrefix(p.keys[i].value, "%") {
		return false
	}
	p.standIn(i)
	return true
}

func rewriteDeviceName(p *prediction) bool {
	i := p.wrong(conn.CodeInvalidValue, "left", "right")
	if i < 0 || !strings.HasPrefix(p.keys[i].value, "%") {
		return false
	}
	p.keys[i].value = noDevice
	return true
}

func rewriteBothDefaultRoute(p *prediction) bool {
	if p.value("left") != "%defaultroute" || p.value("right") != "%defaultroute" {
		return false
	}
	p.resolveDefaultRoute("left")
	p.resolveDefaultRoute("right")
	return true
}

// resolveDefaultRoute writes for an end what 5.2 finds for %defaultroute.
func (p *prediction) resolveDefaultRoute(side string) {
	end := conn.End{Host: conn.Host{Kind: conn.HostDefaultRoute}}
	a, _ := end.LocalAddr(p.locals, conn.IPv4)
	p.keys[p.index(side)].value = a.Addr.String()
	for _, r := range p.locals.DefaultRoutes {
		if r.Family == conn.IPv4 {
			p.keys = append(p.keys, key{side + "nexthop", r.Gateway.String()})
			return
		}
	}
}
