package conn

import (
	"fmt"
	"strings"
)

// pluto finds what libreswan does itself, against ipsecif.
func (l *linter) pluto() {
	var managed, stock []*tunnel
	for i := range l.tunnels {
		t := &l.tunnels[i]
		if !readByPluto(t.Conn) {
			continue
		}
		if l.setup.InterfaceManaged {
			managed = append(managed, t)
		}
		if t.stockUpdown() {
			stock = append(stock, t)
		}
	}
	for i := range l.plain {
		if t := &l.plain[i]; t.VTI.Device != "" && readByPluto(t.Conn) && t.stockUpdown() {
			stock = append(stock, t)
		}
	}
	if len(managed) > 0 {
		c := managed[0].Conn
		l.warn(c, interfaceKey(c), CodeManagedByPluto,
			"pluto makes and removes the device itself, and takes addresses and routes with it"+andMore(managed),
			"set ipsec-interface-managed=no in config setup if ipsecif is to own it")
	}
	if len(stock) > 0 {
		key := stock[0].ours.String() + "updown"
		l.warn(stock[0].Conn, key, CodeStockUpdown,
			"libreswan's own hook adds and deletes routes and rules beside those of ipsecif"+andMore(stock),
			"set "+key+`="/usr/sbin/ipsecif updown" or %disabled`)
	}
}

// stockUpdown tells whether libreswan runs its own hook for the conn.
func (t *tunnel) stockUpdown() bool {
	return strings.HasPrefix(t.End(t.ours).Updown.Command, DefaultUpdown)
}

// interfaces finds conns that cannot be up together, because they pair a
// device and an if_id differently, and those that share both and yet lay out
// their routes differently.
func (l *linter) interfaces() {
	byID := map[uint32]*Conn{}
	byName := map[netnsLink]*Conn{}
	var shared *Conn // the first that has the external interface
	for i := range l.tunnels {
		c := l.tunnels[i].Conn
		id, name := c.Interface.IfID, c.Interface.Name
		sameID, sameName := byID[id], byName[netnsLink{c.Netns, name}]
		switch {
		case sameID != nil && sameID.Interface.Name != name:
			l.fail(c, linkKey(c), CodeInterfaceClash,
				fmt.Sprintf("if_id %d is for %s here and for %s in conn %q (%s)", id, name, sameID.Interface.Name, sameID.Section, sameID.Pos), "")
			continue
		case sameName != nil && sameName.External != c.External:
			l.fail(c, linkKey(c), CodeInterfaceClash,
				fmt.Sprintf("%s is %s here and %s in conn %q (%s)", name, sharing(c), sharing(sameName), sameName.Section, sameName.Pos), "")
			continue
		case sameName != nil && sameName.Interface.IfID != id && !c.External:
			l.fail(c, linkKey(c), CodeInterfaceClash,
				fmt.Sprintf("%s has if_id %d here and if_id %d in conn %q (%s)", name, id, sameName.Interface.IfID, sameName.Section, sameName.Pos), "")
			continue
		case c.External && shared != nil && shared.Interface.Name != name:
			l.fail(c, linkKey(c), CodeInterfaceClash,
				fmt.Sprintf("the external interface is %s here and %s in conn %q (%s)", name, shared.Interface.Name, shared.Section, shared.Pos), "")
			continue
		case sameID != nil && sameID.Netns != c.Netns:
			l.fail(c, "netns", CodeNetnsClash, fmt.Sprintf("%s is in %s here and in %s in conn %q (%s)",
				name, netnsText(c.Netns), netnsText(sameID.Netns), sameID.Section, sameID.Pos), "give both the same netns=")
			continue
		case sameName != nil && sameName.VRF != c.VRF:
			l.fail(c, "vrf", CodeVRFClash, fmt.Sprintf("%s is in %s here and in %s in conn %q (%s)",
				name, vrfText(c.VRF), vrfText(sameName.VRF), sameName.Section, sameName.Pos), "give both the same vrf=")
			continue
		case sameID != nil:
			l.sharedInterface(c, sameID)
			continue
		}
		byID[id], byName[netnsLink{c.Netns, name}] = c, c
		if c.External {
			shared = c
		}
	}
}

// sharing says whom the interface of a conn is for.
func sharing(c *Conn) string {
	if c.External {
		return "external"
	}
	return "for one if_id"
}

// sharedInterface compares the layout of two conns on one interface. A
// difference works, but was hardly meant: the keys belong into config setup.
func (l *linter) sharedInterface(c, other *Conn) {
	key, here, there := "", "", ""
	switch p, q := placeOf(c), placeOf(other); {
	case c.enclosed():
		return // the VRF or network namespace decides
	case p.table == q.table:
		return // that they agree within a table is checked there
	case schemeOf(c) != schemeOf(other):
		key, here, there = "scheme", schemeOf(c).String(), schemeOf(other).String()
	default:
		key, here, there = "table", decimal(uint64(p.table)), decimal(uint64(q.table))
	}
	l.warn(c, key, CodeInterfaceSettings,
		fmt.Sprintf("it is %s here and %s in conn %q (%s), which has %s too", here, there, other.Section, other.Pos, c.Interface.Name),
		"to have it for all conns set it in config setup")
}

// uniqueIDs is how far strongSwan may have counted. It gives each CHILD_SA
// with %unique the next number, from 1.
const uniqueIDs = 1 << 16

// uniqueIfIDs finds numbers that strongSwan may give to a tunnel of its own.
func (l *linter) uniqueIfIDs() {
	var small []*tunnel
	for i := range l.tunnels {
		if t := &l.tunnels[i]; t.Interface.IfID < uniqueIDs {
			small = append(small, t)
		}
	}
	if len(small) == 0 || l.host.UniqueIfID == "" {
		return
	}
	c := small[0].Conn
	l.warn(c, interfaceKey(c), CodeUniqueIfID,
		fmt.Sprintf("strongSwan, which counts if_ids up from 1 for %%unique (%s), may give %d to a tunnel of its own%s",
			l.host.UniqueIfID, c.Interface.IfID, andMore(small)),
		fmt.Sprintf("use numbers from %d on, or fixed ones there", uniqueIDs))
}
