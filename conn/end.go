package conn

import "net/netip"

// End is one side of a Conn: the keys that begin with left or right.
type End struct {
	Host    Host    // left=
	NextHop NextHop // leftnexthop=

	// Subnets are the traffic selectors of leftsubnet=, or the one of a
	// leftsubnets= product. Empty means the host address itself, narrowed by
	// ProtoPort.
	Subnets []Selector
	// VirtualSubnet is leftsubnet= as written when it begins with vhost: or
	// vnet: (IKEv1 only); Subnets is empty then.
	VirtualSubnet string
	ProtoPort     ProtoPort // leftprotoport=, already part of Subnets

	SourceIPs    []netip.Addr   // leftsourceip=, the preferred ones first
	InterfaceIPs []netip.Prefix // leftinterface-ip=, address with length; host bits are kept
	VTI          netip.Prefix   // leftvti=, address on the VTI device; invalid when not set

	Updown Updown // leftupdown= and leftupdown-config=

	ModeCfgServer bool        // leftmodecfgserver=, or implied by the other end's pool
	ModeCfgClient bool        // leftmodecfgclient=, or implied by this end's pool
	AddressPool   []AddrRange // leftaddresspool=, leases for this end
	CAT           bool        // leftcat=, client address translation
}

// HostKind tells what kind of value left= or right= has.
type HostKind uint8

// The kinds of Host.
const (
	HostUnset              HostKind = iota
	HostAddr                        // a numeric address, in Host.Addr
	HostAny                         // %any, %any4, %any6: the peer may come from anywhere
	HostDefaultRoute                // %defaultroute: the source address of the default route
	HostInterface                   // %eth0: the address of a device, in Host.Name
	HostName                        // a DNS name, in Host.Name; it is never looked up here
	HostGroup                       // %group
	HostOpportunistic               // %opportunistic, %oppo
	HostOpportunisticGroup          // %opportunisticgroup, %oppogroup
)

// Host is the value of left= or right=.
type Host struct {
	Kind   HostKind
	Addr   netip.Addr // for HostAddr
	Name   string     // for HostName and HostInterface
	Family Family     // what the value itself tells, FamilyUnset when it does not
}

// NextHopKind tells what kind of value leftnexthop= has.
type NextHopKind uint8

// The kinds of NextHop.
const (
	NextHopDirect       NextHopKind = iota // %direct, the default: the peer is on the link or reached by routing
	NextHopDefaultRoute                    // %defaultroute; the default when left=%defaultroute
	NextHopAddr                            // a numeric address, in NextHop.Addr
)

// NextHop is the value of leftnexthop=: the gateway towards the peer.
type NextHop struct {
	Kind NextHopKind
	Addr netip.Addr // for NextHopAddr
}

// Selector is one traffic selector: addresses, protocol and port.
type Selector struct {
	Prefix   netip.Prefix // masked: host bits are zero
	Protocol uint8        // IP protocol number, 0 is any
	Port     uint16       // 0 is any
}

// ProtoPort is the value of leftprotoport=.
type ProtoPort struct {
	Set      bool
	Protocol uint8  // IP protocol number, 0 is any
	Port     uint16 // 0 is any
	AnyPort  bool   // written as PROTOCOL/%any: one port, but not yet known which
}

// AddrRange is a range of addresses, both ends included and of one family.
type AddrRange struct {
	From, To netip.Addr
}

// DefaultUpdown is the command libreswan runs when leftupdown= is missing.
const DefaultUpdown = "ipsec _updown"

// Updown is the hook of an end. Only the hook of our own end is run.
type Updown struct {
	Command string // DefaultUpdown when nothing is configured, empty when disabled
	Exec    bool   // leftupdown-config=exec: run without a shell
	Async   bool   // leftupdown-config=async: one call that nobody waits for
}

// Disabled tells whether no hook is run (leftupdown= empty or %disabled, or a
// conn that never negotiates).
func (u Updown) Disabled() bool { return u.Command == "" }

// String returns the value as it is written in left=.
func (h Host) String() string {
	switch h.Kind {
	case HostUnset:
		return ""
	case HostAddr:
		return h.Addr.String()
	case HostName:
		return h.Name
	case HostInterface:
		return "%" + h.Name
	}
	switch h.Family {
	case IPv4:
		return h.Kind.String() + "4"
	case IPv6:
		return h.Kind.String() + "6"
	}
	return h.Kind.String()
}

// String returns the value as it is written in leftnexthop=.
func (n NextHop) String() string {
	if n.Kind == NextHopAddr {
		return n.Addr.String()
	}
	return n.Kind.String()
}

// String returns the value as it is written in leftprotoport=.
func (p ProtoPort) String() string {
	switch {
	case !p.Set:
		return ""
	case p.AnyPort:
		return protocolName(p.Protocol, inProtoPort) + "/%any"
	case p.Port != 0:
		return protocolName(p.Protocol, inProtoPort) + "/" + decimal(uint64(p.Port))
	case p.Protocol == 0:
		return "%any"
	}
	return protocolName(p.Protocol, inProtoPort)
}

// String returns FROM-TO.
func (r AddrRange) String() string { return r.From.String() + "-" + r.To.String() }
