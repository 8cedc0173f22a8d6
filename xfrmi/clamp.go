package xfrmi

import (
	"fmt"
	"strconv"
	"strings"
)

// Headers of IP and TCP without options, in bytes: what an MTU exceeds the MSS
// by.
const (
	tcpHeaders4 = ipv4Header + 20
	tcpHeaders6 = ipv6Header + 20
)

// The clamp of the MSS is a table of nftables. Every packet that opens a TCP
// connection is looked up in one map by the interface that it leaves or came
// through; what is found there is the chain that limits its MSS. So the cost
// of a packet does not depend on the number of interfaces.
const (
	NftTable  = "ipsecif" // of the family inet
	NftMap    = "tunnels"
	NftOut    = "out" // base chain, after routing
	NftIn     = "in"  // base chain, before routing
	nftChains = "mss-"
)

const nftTable = "inet " + NftTable

// ClampTable is the table with what all interfaces share: the map and the two
// chains that look into it. The zero value is the table as ipsecif makes it.
type ClampTable struct {
	Other string // how it differs, for comparison and messages only
}

// Key identifies the table; there is one.
func (ClampTable) Key() string { return "nft table " + nftTable }

// String returns the table in the notation of nft(8).
func (t ClampTable) String() string {
	if t.Other != "" {
		return "table " + nftTable + " " + t.Other
	}
	chain := func(name, hook, key string) string {
		return "chain " + name + " { type filter hook " + hook + " priority mangle; policy accept; tcp flags syn " + key + " vmap @" + NftMap + "; }; "
	}
	return "table " + nftTable + " { map " + NftMap + " { type ifname : verdict; }; " +
		chain(NftOut, "postrouting", "oifname") + chain(NftIn, "prerouting", "iifname") + "}"
}

// MSS is the largest TCP segment in bytes, for each family.
type MSS struct {
	V4, V6 int
}

// MSSFor returns the MSS for a link with some MTU.
func MSSFor(mtu int) MSS { return MSS{mtu - tcpHeaders4, mtu - tcpHeaders6} }

// Chain returns the name of the chain that limits to the MSS.
func (m MSS) Chain() string { return nftChains + strconv.Itoa(m.V4) + "-" + strconv.Itoa(m.V6) }

// ParseClampChain returns the chain with a name, and false for other names.
func ParseClampChain(name string) (ClampChain, bool) {
	rest, ok := strings.CutPrefix(name, nftChains)
	v4, v6, ok2 := strings.Cut(rest, "-")
	var c ClampChain
	c.MSS.V4, _ = strconv.Atoi(v4)
	c.MSS.V6, _ = strconv.Atoi(v6)
	return c, ok && ok2 && c.MSS.Chain() == name
}

// ClampChain is the chain that cuts an MSS down to a limit. It is shared by all
// interfaces with that limit.
type ClampChain struct {
	MSS MSS
}

// Key identifies the chain by its limits.
func (c ClampChain) Key() string { return "nft chain " + c.MSS.Chain() }

// String returns the chain in the notation of nft(8).
func (c ClampChain) String() string {
	return fmt.Sprintf("chain %s %s { meta nfproto ipv4 tcp option maxseg size set %d; meta nfproto ipv6 tcp option maxseg size set %d; }",
		nftTable, c.MSS.Chain(), c.MSS.V4, c.MSS.V6)
}

// Clamp limits the MSS of connections through one link. It is the entry of the
// map; the link need not exist.
type Clamp struct {
	Link string
	MSS  MSS
}

// Key identifies the entry by the name of the link.
func (c Clamp) Key() string { return "nft clamp " + c.Link }

// String returns the entry in the notation of nft(8).
func (c Clamp) String() string {
	return "element " + nftTable + " " + NftMap + ` { "` + c.Link + `" : jump ` + c.MSS.Chain() + " }"
}

// Entry returns what identifies the entry in the notation of nft(8).
func (c Clamp) Entry() string {
	return "element " + nftTable + " " + NftMap + ` { "` + c.Link + `" }`
}
