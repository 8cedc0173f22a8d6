package plan

import (
	"net/netip"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// OnLoss says what happens to protected traffic while its tunnel is gone.
type OnLoss string

// The values of OnLoss.
const (
	Block OnLoss = "block" // nothing leaves: a guard stays below the tunnel's route
	Keep  OnLoss = "keep"  // the route stays; without it, traffic follows the other routes
	// Withdraw takes the route away with the last SA, so traffic follows the
	// other routes.
	Withdraw OnLoss = "withdraw"
)

// Pair is one pair of selectors of a tunnel.
type Pair struct {
	Ours   netip.Prefix `json:"ours"`
	Theirs netip.Prefix `json:"theirs"`
}

// Tunnel is all that decides which objects a conn needs on this host: the conn
// after orientation and defaults. It is complete in itself, so that a claim
// can be served, or taken back, after its conn has gone from ipsec.conf.
type Tunnel struct {
	Link     string         `json:"link"`               // the name wished for; see Facts.LinkOf
	IfID     xfrmi.IfID     `json:"if_id"`              // 0 with a VTI device
	External bool           `json:"external,omitempty"` // Link is shared, and routes tell it the if_id
	VTI      VTI            `json:"vti,omitzero"`       // set when Link is a VTI device
	Local    netip.Addr     `json:"local,omitzero"`     // the outer address of this host; invalid: that of the moment
	Peer     netip.Addr     `json:"peer,omitzero"`      // invalid: any
	NextHop  netip.Addr     `json:"next_hop,omitzero"`  // invalid: by the routes of the host
	Pairs    []Pair         `json:"pairs"`
	Addrs    []netip.Prefix `json:"addrs,omitempty"`   // on the link
	Sources  []netip.Addr   `json:"sources,omitempty"` // preferred sources, by family
	Mark     routing.Mark   `json:"mark"`
	MarkOut  bool           `json:"mark_out,omitempty"` // the mark comes from mark-out=
	Scheme   routing.Scheme `json:"scheme"`
	Table    routing.Table  `json:"table"`
	Priority uint32         `json:"priority"`
	ByPeer   bool           `json:"by_peer,omitempty"`   // escape=peer
	BySource bool           `json:"by_source,omitempty"` // route-by=source
	LocalLAN bool           `json:"local_lan"`
	OnLoss   OnLoss         `json:"on_loss"`
	Metric   uint32         `json:"metric,omitempty"`
	MTU      uint32         `json:"mtu,omitempty"` // bytes, of the routes
	LinkMTU  Size           `json:"link_mtu,omitzero"`
	MSS      Size           `json:"mss,omitzero"`
	ESP      xfrmi.ESP      `json:"esp,omitzero"` // what its SAs add to packets at most, for sizes that are computed

	// NFLog is the NFLOG group that gets a copy of the packets of Pairs as they
	// are in the tunnel, 0 for none.
	NFLog uint32 `json:"nflog,omitempty"`
	// CAT is the leased address that packets from Local have in the tunnel, where
	// it is in Ours of a pair; invalid: they are not translated.
	CAT netip.Addr `json:"cat,omitzero"`
	// Accept has the tables of nftables in which packets of Pairs are accepted:
	// those that are forwarded, and those of this host if it has an address of
	// its own in Ours, or with AcceptHost.
	Accept     []firewall.Table `json:"accept,omitempty"`
	AcceptHost bool             `json:"accept_host,omitempty"`

	// AddrLink is the link for Addrs, if that is not the tunnel's own.
	AddrLink  string `json:"addr_link,omitempty"`
	VRF       string `json:"vrf,omitempty"`       // whose table Table is then; Scheme and LocalLAN do not count
	Multicast bool   `json:"multicast,omitempty"` // the flag of the link
	// Proxies has the remote addresses that hosts of a LAN of this host find
	// here, as far as they are in its net.
	Proxies []netip.Addr `json:"proxies,omitempty"`
	// Netns is the network namespace of the link and all that is on it, "" for
	// that of ipsecif. Table is main then; Scheme and LocalLAN do not count.
	Netns string `json:"netns,omitempty"`
	// PolicyBased says that SPs alone take the packets: there is no link, and none of
	// what is about one counts.
	PolicyBased bool `json:"policy_based,omitempty"`
	Route       bool `json:"route,omitempty"` // make routes of a policy-based tunnel also where the host has some
}

// Size is a size that is given in bytes, or computed. The zero value means
// that nothing is set.
type Size struct {
	Auto  bool   `json:"auto,omitempty"`
	Bytes uint32 `json:"bytes,omitempty"`
}

// Claim says that a conn is to be up, and who said so.
type Claim struct {
	Name   string `json:"name"`  // the conn, of an IKE daemon with one pair of selectors: CONN[...]
	Owner  string `json:"owner"` // "admin", or the IKE daemon that called
	Where  string `json:"where"` // file:line:col of the conn; empty if no configuration has it
	Tunnel Tunnel `json:"tunnel"`
	// Of a claim of an IKE daemon, what it has asked for and not taken back; one
	// of the two at least.
	Routed bool   `json:"routed,omitempty"`
	Up     bool   `json:"up,omitempty"`
	Reqid  uint32 `json:"reqid,omitempty"` // of its SAs
	// Previous has what was claimed before, while a change is not done yet.
	Previous []Tunnel `json:"previous,omitempty"`
	// Unfinished says that a change of the claim has begun, and did not end when
	// nobody holds the lock.
	Unfinished bool `json:"-"`
	// Wants has the keys of all objects that serve the claim, and its Uses: by
	// them those are found that share something with it.
	Wants []string `json:"wants,omitempty"`
}
