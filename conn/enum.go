package conn

// Family is the address family of outer addresses.
type Family uint8

// The families. Their numbers are the IP versions.
const (
	FamilyUnset Family = 0
	IPv4        Family = 4
	IPv6        Family = 6
)

// TransportLoops says why a conn with an xfrm interface cannot have TypeTransport
// (xfrmi_xmit2 of net/xfrm/xfrm_interface_core.c), and TransportHint what to do.
const (
	TransportLoops = "in transport mode the kernel would send what an xfrm interface has encrypted through that interface again, and drops it"
	TransportHint  = "use type=tunnel, or leave ipsec-interface= out: the conn needs no routes"
)

// Type is the value of type=.
type Type uint8

// The types of a conn.
const (
	TypeTunnel Type = iota
	TypeTransport
	TypePassthrough // let packets pass in the clear
	TypeDrop        // drop packets; type=reject is the same in libreswan
)

// Auto is the value of auto=: what is done when the daemon starts.
type Auto uint8

// The values of auto=.
const (
	AutoIgnore   Auto = iota
	AutoAdd           // loaded
	AutoOndemand      // loaded and routed (also written as route)
	AutoUp            // loaded and initiated (also written as start)
	AutoKeep          // loaded, and kept up once it is up
)

// NICOffload is the value of nic-offload=.
type NICOffload uint8

// The values of nic-offload=.
const (
	OffloadNo NICOffload = iota
	OffloadCrypto
	OffloadPacket
)

// Encapsulation is the value of encapsulation=: ESP inside UDP.
type Encapsulation uint8

// The values of encapsulation=.
const (
	EncapsulationAuto Encapsulation = iota // when a NAT is found
	EncapsulationYes
	EncapsulationNo
)

// Scheme is the value of the own key scheme=: how routes are laid out.
type Scheme uint8

// The values of scheme=.
const (
	SchemeUnset Scheme = iota
	SchemeOverlay
	SchemeUnderlay
	SchemeNotMark
	SchemeMarkUnderlay
	SchemeTwoRules
)

// LocalLAN is the value of the own key local-lan=: where packets for the
// networks we are attached to go while a tunnel holds the default route.
type LocalLAN uint8

// The values of local-lan=.
const (
	LocalLANUnset LocalLAN = iota
	LocalLANDirect
	LocalLANTunnel
)

// Escape is the value of the own key escape=: how ESP and IKE packets to the
// peer stay out of the tunnel.
type Escape uint8

// The values of escape=.
const (
	EscapeUnset Escape = iota
	EscapeMark
	EscapePeer
)

// OnLoss is the value of the own key on-loss=: what becomes of the routes when
// the tunnel is lost.
type OnLoss uint8

// The values of on-loss=.
const (
	OnLossUnset OnLoss = iota
	OnLossBlock
	OnLossKeep
	OnLossWithdraw
)

// AddrDev is the value of the own key interface-ip-dev=: which device has the
// addresses of the conn.
type AddrDev uint8

// The values of interface-ip-dev=.
const (
	AddrDevIPsec AddrDev = iota // the interface of the conn
	AddrDevLo                   // loopback
)

// HookError is the value of the own key on-hook-error=: what the IKE daemon is
// told when its hook cannot make what a conn needs.
type HookError uint8

// The values of on-hook-error=.
const (
	HookErrorUnset HookError = iota // is HookErrorFail
	HookErrorFail                   // a failure, which pluto answers by giving the SA up
	HookErrorWarn                   // nothing but the text of the error
)

// RouteBy is the value of the own key route-by=: whether packets from everywhere
// go into the tunnel, or only those from its own selectors.
type RouteBy uint8

// The values of route-by=.
const (
	RouteByUnset RouteBy = iota
	RouteByDestination
	RouteBySource
)

// String returns "IPv4", "IPv6" or "" when unset.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	}
	return ""
}

// String returns the value as written in type=.
func (t Type) String() string { return nameOf(t, "tunnel", "transport", "passthrough", "drop") }

// String returns the value as written in auto=.
func (a Auto) String() string { return nameOf(a, "ignore", "add", "ondemand", "up", "keep") }

// String returns the value as written in nic-offload=.
func (o NICOffload) String() string { return nameOf(o, "no", "crypto", "packet") }

// String returns the value as written in encapsulation=.
func (e Encapsulation) String() string { return nameOf(e, "auto", "yes", "no") }

// String returns the value as written in scheme=, "" when unset.
func (s Scheme) String() string {
	return nameOf(s, "", "overlay", "underlay", "not-mark", "mark-underlay", "two-rules")
}

// String returns the value as written in local-lan=, "" when unset.
func (l LocalLAN) String() string { return nameOf(l, "", "direct", "tunnel") }

// String returns the value as written in escape=, "" when unset.
func (e Escape) String() string { return nameOf(e, "", "mark", "peer") }

// String returns the value as written in on-hook-error=, "" when unset.
func (h HookError) String() string { return nameOf(h, "", "fail", "warn") }

// String returns the value as written in route-by=, "" when unset.
func (r RouteBy) String() string { return nameOf(r, "", "destination", "source") }

// String returns the value as written in on-loss=, "" when unset.
func (o OnLoss) String() string { return nameOf(o, "", "block", "keep", "withdraw") }

// String returns the value as written in interface-ip-dev=.
func (d AddrDev) String() string { return nameOf(d, "ipsec", "lo") }

// String returns a word for messages, such as "address" or "%any".
func (k HostKind) String() string {
	return nameOf(k, "unset", "address", "%any", "%defaultroute", "interface", "host name", "%group", "%opportunistic", "%opportunisticgroup")
}

// String returns "%direct", "%defaultroute" or "address".
func (k NextHopKind) String() string { return nameOf(k, "%direct", "%defaultroute", "address") }

// nameOf returns the name of a value, its number when it has none.
func nameOf[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return decimal(uint64(v))
}
