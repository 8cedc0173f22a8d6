package routing

import (
	"fmt"
	"strconv"
)

// Table is the number of a routing table (rt_tables(5)). The zero value is
// "unspecified".
type Table uint32

// Tables with a name in every kernel (linux/rtnetlink.h).
const (
	TableDefault Table = 253
	TableMain    Table = 254
	TableLocal   Table = 255
)

// DefaultTable is the table that libreswan has used since its first xfrm
// interfaces, and the notes before it. Other numbers that are taken by
// well-known programs: 52 Tailscale, 149 and 150 Submariner, 200 Cilium,
// 210 and 220 strongSwan, 51820 wg-quick.
const DefaultTable Table = 50

// String returns the name of a kernel table, else the number.
func (t Table) String() string {
	switch t {
	case TableDefault:
		return "default"
	case TableMain:
		return "main"
	case TableLocal:
		return "local"
	}
	return strconv.FormatUint(uint64(t), 10)
}

// ParseTable reads what Table.String prints.
func ParseTable(s string) (Table, error) {
	for _, t := range []Table{TableDefault, TableMain, TableLocal} {
		if s == t.String() {
			return t, nil
		}
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("table %q: not main, local, default or a number", s)
	}
	return Table(n), nil
}

// Protocol says who made a route or rule (RTPROT_* of linux/rtnetlink.h).
type Protocol uint8

// The protocols that ipsecif reads or writes by name.
const (
	// ProtocolKernel marks what the kernel made, and our rules and routes
	// without a device: systemd-networkd deletes those of every other protocol
	// whenever it configures a link.
	ProtocolKernel Protocol = 2
	// ProtocolRedirect and ProtocolRA mark what the kernel made of an ICMP
	// redirect and of an IPv6 router advertisement.
	ProtocolRedirect Protocol = 1
	ProtocolRA       Protocol = 9
	// ProtocolBoot is what `ip route add` sets when it is told nothing.
	ProtocolBoot Protocol = 3
	// ProtocolStatic is what systemd-networkd gives to the rules and routes of
	// its files.
	ProtocolStatic Protocol = 4
	// ProtocolIpsecif marks our routes through a device. 50 is free in
	// rt_protos and matches the table.
	ProtocolIpsecif Protocol = 50
)

var protocolNames = map[Protocol]string{
	ProtocolRedirect: "redirect", ProtocolKernel: "kernel", ProtocolBoot: "boot", ProtocolStatic: "static", ProtocolRA: "ra", 16: "dhcp",
}

// String returns the name in iproute2's rt_protos, or the number.
func (p Protocol) String() string {
	if name, ok := protocolNames[p]; ok {
		return name
	}
	return strconv.Itoa(int(p))
}

// ParseProtocol reads what Protocol.String prints.
func ParseProtocol(s string) (Protocol, error) {
	for p, name := range protocolNames {
		if s == name {
			return p, nil
		}
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("protocol %q: not a known name or a number from 0 to 255", s)
	}
	return Protocol(n), nil
}
