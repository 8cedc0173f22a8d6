package xfrmi

import (
	"slices"
	"strings"
)

// linkKeywords are the words that `ip link add` and `ip link set` look for before
// they take a word for the name of a link (iplink_parse of ip/iplink.c).
var linkKeywords = []string{
	"address", "addrgenmode", "alias", "allmulticast", "arp", "brd", "broadcast", "carrier", "dev", "down", "dynamic", "group",
	"gro_ipv4_max_size", "gro_max_size", "gso_ipv4_max_size", "gso_max_segs", "gso_max_size", "help", "index", "link", "link-netns", "link-netnsid",
	"lladdr", "master", "mode", "mtu", "multicast", "name", "netns", "netns-immutable", "nomaster", "numrxqueues", "numtxqueues", "parentbus", "parentdev",
	"promisc", "protodown", "protodown_reason", "qlen", "state", "trailers", "txqlen", "txqueuelen", "type", "up", "vf", "vrf",
	"xdp", "xdpdrv", "xdpgeneric", "xdpoffload",
}

// IsKeyword reports whether ip(8) may take the name of a link for something else,
// unless a word before it says what it is: it knows many keywords by their first
// letters, too.
func IsKeyword(name string) bool {
	return slices.ContainsFunc(linkKeywords, func(k string) bool { return strings.HasPrefix(k, name) })
}
