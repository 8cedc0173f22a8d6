package conn

import "net/netip"

// Conn is one connection with typed values, after %default and also= have
// been merged. A conn section with subnets= lists becomes several Conns.
//
// Zero values mean "not set" unless a field says otherwise.
type Conn struct {
	Name    string // section name, or NAME/1x1 for a member of a subnets= product
	Section string // name of the section it comes from
	Pos     Pos    // of the section header

	Left, Right End

	// LeftIsLocal says that left is this host, whatever addresses it has: the
	// IKE daemon has said so.
	LeftIsLocal bool

	Type   Type   // never unset: TypeTunnel when type= is missing
	Auto   Auto   // never unset: AutoIgnore when auto= is missing
	Family Family // of the outer addresses; never unset: IPv4 when nothing tells

	Interface Interface // ipsec-interface= or if_id=, and link-name=
	IfID      uint32    // own key if_id=, 0 when not given
	External  bool      // ipsec-interface=external: Interface is shared, and routes tell it the if_id
	MarkIn    Mark      // mark-in=, else mark=
	MarkOut   Mark      // mark-out=, else mark=
	VTI       VTI       // vti-interface= and its options
	AddrDev   AddrDev   // own key interface-ip-dev=
	VRF       string    // own key vrf=, name of the VRF device that the interface belongs to
	Netns     string    // own key netns=, name of the network namespace that the interface is in
	Multicast bool      // own key multicast=, of the interface
	ProxyARP  ProxyARP  // own key proxy-arp=

	AcceptHost bool // own key accept-host=, packets from and to this host too

	Metric     uint32 // metric=, of routes; 0 is none
	MTU        uint32 // mtu= in bytes, of routes and never of the device; 0 is none
	Priority   uint32 // priority= of the kernel's IPsec policy; 0 is automatic
	ReqID      uint32 // reqid=, 1 to 16383; 0 is automatic
	NflogGroup uint16 // nflog-group=; 0 is none

	OverlapIP     bool          // overlapip=
	Mobike        bool          // mobike=
	Narrowing     bool          // narrowing=; implied by an address pool
	NMConfigured  bool          // nm-configured=
	NICOffload    NICOffload    // nic-offload=
	Encapsulation Encapsulation // encapsulation=

	DNS     []netip.Addr // modecfgdns=
	Domains []string     // modecfgdomains=
	Aliases []string     // connalias=; for a subnets= product the section name

	Own // which falls back to the values in config setup

	// PolicyBased lets a conn without a device have what it needs all the same: a
	// source, and perhaps a route past it. No key sets it: only an IKE daemon that
	// brings the conn up knows that it is wanted.
	PolicyBased bool
	// ForceRoute asks for that route also where the host has one already, as
	// --route y of libreswan's script does. No key sets it.
	ForceRoute bool

	keys []KeyValue
}

// Side names one of the two ends of a Conn.
type Side uint8

// The two sides.
const (
	Left Side = iota
	Right
)

// String returns "left" or "right", the prefix of the side's keys.
func (s Side) String() string {
	if s == Right {
		return "right"
	}
	return "left"
}

// Other returns the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// End returns the end of one side.
func (c *Conn) End(s Side) *End {
	if s == Right {
		return &c.Right
	}
	return &c.Left
}

// Ends returns our end and their end, for the side that Orient found to be
// ours.
func (c *Conn) Ends(ours Side) (our, their *End) {
	return c.End(ours), c.End(ours.Other())
}

// KeyPos returns the place of the value of a canonical key ("mtu",
// "leftsubnet"), for diagnostics of later stages. When the key is not set it
// returns the place of the section header.
func (c *Conn) KeyPos(key string) Pos {
	for i := range c.keys {
		if c.keys[i].Key == key {
			return c.keys[i].ValuePos()
		}
	}
	return c.Pos
}

// Link returns the name of the device of the conn, "" for none. An xfrm
// interface goes before a VTI device.
func (c *Conn) Link() string {
	if c.Interface.Name != "" {
		return c.Interface.Name
	}
	return c.VTI.Device
}

// NeverNegotiates tells whether the conn is only a policy without IKE
// (type=passthrough or type=drop).
func (c *Conn) NeverNegotiates() bool {
	return c.Type == TypePassthrough || c.Type == TypeDrop
}

// Interface is the xfrm interface of a conn. The zero value means none.
type Interface struct {
	IfID uint32 // 0 when the conn has no interface
	Name string // own key link-name=, else as libreswan names the device: ipsecN
}

// ipsecZeroIfID is the if_id that stands for ipsec-interface=0, because the
// kernel refuses if_id 0. libreswan chose it; the device stays ipsec0, and
// ipsec-interface=16384 names ipsec0 as well.
const ipsecZeroIfID = 16384

// externalName is the device of ipsec-interface=external.
const externalName = "ipsec"

// Mark is a packet mark and the mask of the bits that count.
type Mark struct {
	Value, Mask uint32
	Set         bool // false when no mark is configured
}

// VTI holds the keys of libreswan's older VTI devices.
type VTI struct {
	Device  string `json:"device"`            // vti-interface=, empty when not used
	Routing bool   `json:"routing,omitempty"` // vti-routing=, no when missing (the man page says yes)
	Shared  bool   `json:"shared,omitempty"`  // vti-shared=
}
