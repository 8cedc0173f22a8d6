package plan

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// This file names what tunnels use beside objects of their own, so that those
// that have to agree, or could be in each other's way, are found without looking
// at all. checkShared and checkPeers say what they have to agree about.

// Uses returns the names of what a tunnel uses: its if_id, its place, its
// peer's address and its nets.
func (t Tunnel) Uses() []string {
	if t.PolicyBased {
		return nil
	}
	place := t.place()
	uses := []string{t.LinkUse(), place.use("place")}
	if t.External {
		uses = append(uses, useIfID+t.IfID.String())
	}
	if hasDefault(t) {
		uses = append(uses, place.use("default"))
	}
	if needsRules(t) {
		uses = append(uses, place.use("rules"))
	}
	if t.Peer.IsValid() {
		uses = append(uses, usePeer+familyHex(t.Peer)+" by "+t.escapeUse())
	}
	if !t.enclosed() {
		for key := range t.linkNets() {
			uses = append(uses, UseOfLinkNet(key.net))
		}
	}
	for _, p := range t.Pairs {
		uses = append(uses, t.useOfNet(p.Theirs))
		if t.BySource {
			uses = append(uses, p.use())
		}
	}
	return uses
}

// escapeUse tells tunnels to one peer apart of which the ESP may escape other
// tunnels in other ways: it has all that escapes and opens look at.
func (t Tunnel) escapeUse() string {
	by := "mark"
	if t.ByPeer {
		by = "address"
	}
	if t.VTI != (VTI{}) {
		by += " vti"
	}
	if peerInside(t) {
		by += " inside"
	}
	return fmt.Sprintf("%s %s %d %s from %s", by, t.Scheme, escapePriority(t), t.Mark, t.Local)
}

// LinkUse returns the use of the tunnel's link: what the link is found by, since
// it may have any name. Without a device it is "".
func (t Tunnel) LinkUse() string {
	switch {
	case t.PolicyBased:
		return ""
	case t.External:
		return "external"
	case t.VTI != (VTI{}):
		return "vti " + t.VTI.Local.String() + " " + t.VTI.Remote.String()
	}
	return useIfID + t.IfID.String()
}

const useIfID = "if_id "

const usePeer = "peer "

func (p Place) use(what string) string {
	return what + " " + strconv.FormatUint(uint64(p.Table), 10) + " " + strconv.FormatUint(uint64(p.Priority), 10)
}

// Uses returns the uses that claims with something at a place have. One claim
// of each is enough to check another against.
func (p Place) Uses() []string { return []string{p.use("place"), p.use("default"), p.use("rules")} }

// PlacePrefix begins the uses of places, and ParsePlace reads them.
const PlacePrefix = "place "

// ParsePlace returns the place of a use.
func ParsePlace(use string) (Place, error) {
	var table, priority uint32
	_, err := fmt.Sscanf(use, PlacePrefix+"%d %d", &table, &priority)
	return Place{routing.Table(table), priority}, err
}

// familyHex makes addresses of a net begin alike.
func familyHex(a netip.Addr) string {
	family := "6 "
	if a.Is4() {
		family = "4 "
	}
	return family + hex.EncodeToString(a.AsSlice())
}

// useOfNet tells tunnels apart in whose net no peer of another one can be,
// because it is in a VRF or in another network namespace.
func (t Tunnel) useOfNet(p netip.Prefix) string {
	if t.enclosed() {
		return useEnclosed + useOfNet(p)
	}
	return useOfNet(p)
}

const useEnclosed = "enclosed "

// UsesOfTunnelsTo returns the uses of all tunnels to a net.
func UsesOfTunnelsTo(p netip.Prefix) []string {
	return []string{useOfNet(p), useEnclosed + useOfNet(p)}
}

func useOfNet(p netip.Prefix) string {
	return "net " + familyHex(p.Masked().Addr()) + "/" + strconv.Itoa(p.Bits())
}

// UseOfLinkNet returns the use of a net that an address of a tunnel has.
func UseOfLinkNet(p netip.Prefix) string { return "link " + useOfNet(p) }

// UsesOfLinkNets returns the uses of the nets of others to which the kernel makes
// a route with an address of the tunnel.
func (t Tunnel) UsesOfLinkNets() []string {
	var uses []string
	for key := range t.linkNets() {
		uses = append(uses, useOfNet(key.net))
	}
	return uses
}

// UsesOfNetsWith returns the uses of all nets that have an address in them.
func UsesOfNetsWith(a netip.Addr) []string {
	var uses []string
	for bits := 0; bits <= a.BitLen(); bits++ {
		uses = append(uses, useOfNet(netip.PrefixFrom(a, bits)))
	}
	return uses
}

// KeysOfRoutesTo returns what the keys of all routes of main begin with that lead
// to an address.
func KeysOfRoutesTo(a netip.Addr) []string {
	var prefixes []string
	for bits := 0; bits <= a.BitLen(); bits++ {
		key := routing.Route{Table: routing.TableMain, Dst: netip.PrefixFrom(a, bits).Masked()}.Key()
		prefixes = append(prefixes, strings.TrimSuffix(key, "0"))
	}
	return prefixes
}

// PeersPrefix begins the uses of all peers in a net, and perhaps of some near
// it: four bits are one digit.
func PeersPrefix(p netip.Prefix) string {
	digits := len("4 ") + p.Bits()/4
	return usePeer + familyHex(p.Masked().Addr())[:digits]
}

// usePair begins the uses of pairs of tunnels that are routed by source.
const usePair = "pair "

// use names a pair of a tunnel that is routed by source: first its remote
// selector.
func (p Pair) use() string {
	return usePair + familyHex(p.Theirs.Masked().Addr()) + "/" + strconv.Itoa(p.Theirs.Bits()) + " from " + p.Ours.Masked().String()
}

// SourcedNear returns what the uses of all pairs of tunnels routed by source
// begin with that may have packets in common with p, and of some others.
func SourcedNear(p Pair) []string {
	digits := len("4 ") + p.Theirs.Bits()/4
	prefixes := []string{usePair + familyHex(p.Theirs.Masked().Addr())[:digits]}
	for bits := range p.Theirs.Bits() {
		wide := netip.PrefixFrom(p.Theirs.Addr(), bits).Masked()
		prefixes = append(prefixes, usePair+familyHex(wide.Addr())+"/"+strconv.Itoa(bits)+" ")
	}
	return prefixes
}

// IsSourcedNear reports whether the pair of a use has sources in common with p.
func IsSourcedNear(use string, p Pair) bool {
	_, text, _ := strings.Cut(use, " from ")
	ours, err := netip.ParsePrefix(text)
	return err != nil || ours.Overlaps(p.Ours)
}

// UserOf returns the use that says that somebody has the table of a place, which
// is one of those of c.
func (p Place) UserOf(c *conn.Conn) string {
	if p.Table > routing.SourceTable {
		return Tunnel{IfID: xfrmi.IfID(c.Interface.IfID)}.LinkUse()
	}
	return p.use("place")
}
