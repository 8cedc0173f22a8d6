package xfrmi

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Kind is the rtnetlink kind of an xfrm interface (IFLA_INFO_KIND).
const Kind = "xfrm"

// KindVRF is the kind of a VRF device.
const KindVRF = "vrf"

// aliasPrefix begins the ifalias of every link that ipsecif made.
const aliasPrefix = "ipsecif:"

// Link is a network device as far as ipsecif cares: what cannot be changed
// after its creation. Attributes that can be changed are separate Attr values.
// The zero value is no link.
type Link struct {
	Name string
	Kind string // "xfrm", "vti" or "vti6" for ours; "" for a device without a kind, such as a NIC
	IfID IfID   // 0 unless Kind is "xfrm", and for an external one
	// External says that the interface serves every if_id that has none of its
	// own: routes tell it which (IFLA_XFRM_COLLECT_METADATA, Linux 6.1).
	External bool
	VTI      VTI    // zero unless Kind is "vti" or "vti6"
	Under    string // name of the link device, "" for none
	Table    uint32 // routing table of a VRF device; 0 unless Kind is "vrf"
	Far      bool   // with the policies of another network namespace than ipsecif's
	Mine     bool   // carries the alias of ipsecif for what it is for
}

// Key identifies the link: its name.
func (l Link) Key() string { return "link " + l.Name }

// String returns the link in the notation of `ip link add`.
func (l Link) String() string {
	s := l.Name
	if IsKeyword(l.Name) {
		s = "name " + s
	}
	if l.Under != "" {
		s += " link " + l.Under
	}
	if l.Kind != "" {
		s += " type " + l.Kind
	}
	if l.Table != 0 {
		s += " table " + strconv.FormatUint(uint64(l.Table), 10)
	}
	if l.IfID != 0 {
		s += " if_id " + l.IfID.String()
	}
	if l.External {
		s += " external"
	}
	if l.VTI != (VTI{}) {
		s += " " + l.VTI.String()
	}
	return s
}

// Slot is a place that the kernel gives to one link of a network namespace at a
// time. The zero value stands for a link that takes none.
type Slot struct {
	Kind          string
	IfID          IfID
	External      bool
	Local, Remote netip.Addr
	Far           bool // of another network namespace than ipsecif's
}

// Slot returns the place that the link takes besides its name. The keys of a
// VTI device are no part of it (ip_tunnel_find looks at them for GRE only).
func (l Link) Slot() Slot {
	switch {
	case l.Kind == Kind:
		return Slot{Kind: l.Kind, IfID: l.IfID, External: l.External, Far: l.Far}
	case l.IsVTI() && l.VTI.Local.IsValid():
		return Slot{Kind: l.Kind, Local: l.VTI.Local, Remote: l.VTI.Remote, Far: l.Far}
	}
	return Slot{}
}

// Purpose says in words what the link is for.
func (l Link) Purpose() string {
	switch {
	case l.External:
		return "as the external one"
	case l.IsVTI():
		return "with " + l.VTI.String()
	}
	return "with if_id " + l.IfID.String()
}

// Refusal says why the existing device have cannot serve as want, or returns
// "" when it can. A link device that is not asked for does no harm: an xfrm
// interface works the same with and without one, except for offload.
func (want Link) Refusal(have Link) string {
	sort, key := "xfrm interface", "link-name"
	if want.IsVTI() {
		sort, key = want.Kind+" device", "vti-interface"
	}
	way := "delete or rename it, or choose another " + key + "="
	if want.IsVTI() && have.Slot() == want.Slot() {
		way = "delete it, since the kernel makes one device for these addresses"
	}
	switch {
	case have.Kind != want.Kind:
		kind := have.Kind
		if kind == "" {
			kind = "plain"
		}
		article := "a"
		if want.Kind == Kind {
			article = "an"
		}
		return fmt.Sprintf("a device %s exists and is a %s device, not %s %s; %s", have.Name, kind, article, sort, way)
	case have.Far:
		return fmt.Sprintf("the %s %s exists with the policies of another network namespace; %s", sort, have.Name, way)
	case have.External != want.External, have.VTI != want.VTI:
		return fmt.Sprintf("the %s %s exists %s, not %s; %s", sort, have.Name, have.Purpose(), want.Purpose(), way)
	case have.IfID != want.IfID:
		return fmt.Sprintf("the xfrm interface %s exists with if_id %s, not %s; %s", have.Name, have.IfID, want.IfID, way)
	case want.Under != "" && have.Under != want.Under:
		return fmt.Sprintf("the xfrm interface %s exists on link device %q, not %q; %s", have.Name, have.Under, want.Under, way)
	}
	return ""
}

// Degraded returns what a kernel makes of the link that knows no external ones:
// before Linux 5.17, which refuses it, an interface with if_id 0.
func (l Link) Degraded() Link {
	l.External, l.Mine = false, false
	return l
}

// Alias returns the ifalias that marks the link as made by ipsecif.
func (l Link) Alias() string {
	switch {
	case l.External:
		return aliasPrefix + "external"
	case l.IsVTI():
		return aliasPrefix + "vti"
	}
	return aliasPrefix + l.IfID.String()
}
