package xfrmi

import "strings"

// The attributes of a link that ipsecif sets, by their names in `ip link set`.
const (
	AttrAlias   = "alias"
	AttrMaster  = "master"      // name of the device that the link belongs to, "" for none
	AttrAddrGen = "addrgenmode" // eui64, none, stable_secret or random
	AttrMTU     = "mtu"         // bytes
	// AttrMulticast is on or off (IFF_MULTICAST); a new xfrm interface has it off.
	AttrMulticast = "multicast"
	AttrState     = "state" // up or down (IFF_UP)
)

// Attr is one attribute of a link that can be changed at any time. An
// attribute has always some value, so it is set and restored, never added and
// deleted; it dies with its link.
type Attr struct {
	Link, Name, Value string
}

// Key identifies the attribute: link and name.
func (a Attr) Key() string { return "attr " + a.Link + " " + a.Name }

// String returns the attribute in the notation of `ip link set`.
func (a Attr) String() string {
	switch {
	case a.Name == AttrState:
		return "dev " + a.Link + " " + a.Value
	case a.Name == AttrMaster && a.Value == "":
		return "dev " + a.Link + " nomaster"
	}
	value := a.Value
	if strings.ContainsAny(value, " \t\"") || value == "" {
		value = `"` + value + `"`
	}
	return "dev " + a.Link + " " + a.Name + " " + value
}
