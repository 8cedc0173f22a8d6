package xfrmi

import (
	"fmt"
	"strconv"
	"strings"
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
	Name  string
	Kind  string // "xfrm" for ours; "" for a device without a kind, such as a NIC
	IfID  IfID   // 0 unless Kind is "xfrm"
	Under string // name of the link device, "" for none
	Table uint32 // routing table of a VRF device; 0 unless Kind is "vrf"
	Far   bool   // an xfrm interface with the policies of another network namespace than ipsecif's
	Mine  bool   // carries the alias of ipsecif for this if_id
}

// Key identifies the link: its name.
func (l Link) Key() string { return "link " + l.Name }

// String returns the link in the notation of `ip link add`.
func (l Link) String() string {
	s := l.Name
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
	return s
}

// Refusal says why the existing device have cannot serve as want, or returns
// "" when it can. A link device that is not asked for does no harm: an xfrm
// interface works the same with and without one, except for offload.
func (want Link) Refusal(have Link) string {
	const way = "delete or rename it, or choose another link-name="
	switch {
	case have.Kind != Kind:
		kind := have.Kind
		if kind == "" {
			kind = "plain"
		}
		return fmt.Sprintf("a device %s exists and is a %s device, not an xfrm interface; %s", have.Name, kind, way)
	case have.Far:
		return fmt.Sprintf("the xfrm interface %s exists with the policies of another network namespace; %s", have.Name, way)
	case have.IfID != want.IfID:
		return fmt.Sprintf("the xfrm interface %s exists with if_id %s, not %s; %s", have.Name, have.IfID, want.IfID, way)
	case want.Under != "" && have.Under != want.Under:
		return fmt.Sprintf("the xfrm interface %s exists on link device %q, not %q; %s", have.Name, have.Under, want.Under, way)
	}
	return ""
}

// Alias returns the ifalias that marks a link as made by ipsecif.
func Alias(id IfID) string { return aliasPrefix + id.String() }

// IsAlias reports whether alias is one that ipsecif sets, for any if_id.
func IsAlias(alias string) bool { return strings.HasPrefix(alias, aliasPrefix) }
