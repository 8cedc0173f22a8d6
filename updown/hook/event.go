// Package hook reads what an IKE daemon tells its updown hook: environment and
// arguments become one Event, or an error that names everything wrong with them.
// Much of it comes from the peer, so all of it is data: numbers, addresses and
// texts, never a command or a path.
//
// The variables of pluto are those of libreswan's updown.c (5.x), those of
// charon those of strongSwan's updown plugin.
package hook

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// Daemon is the IKE daemon that called.
type Daemon string

// The daemons.
const (
	Pluto  Daemon = "pluto"  // of libreswan
	Charon Daemon = "charon" // of strongSwan
)

// Action is a set of things that an event is about.
type Action uint8

// The actions. charon has Up and Down alone, which include routing.
const (
	Prepare Action = 1 << iota
	Route
	Unroute
	Up
	Down
)

var actions = map[string]Action{"prepare": Prepare, "route": Route, "unroute": Unroute, "up": Up, "down": Down}

// MarshalJSON returns the names of the actions, in alphabetical order.
func (a Action) MarshalJSON() ([]byte, error) {
	names := []string{}
	for name, action := range actions {
		if a.Has(action) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return json.Marshal(names)
}

// Has reports whether one of the actions is in the set.
func (a Action) Has(some Action) bool { return a&some != 0 }

// Event is one call of the hook, for one pair of selectors. Zero values mean
// that the daemon has said nothing. As JSON it is what the administrator's hooks
// get.
type Event struct {
	Daemon  Daemon `json:"daemon"`
	Verb    string `json:"verb"` // PLUTO_VERB
	Actions Action `json:"actions"`
	Conn    string `json:"conn"` // the name of the conn, of charon that of the child

	Me      netip.Addr `json:"me"`                // outer address
	Peer    netip.Addr `json:"peer,omitzero"`     // likewise; invalid: any
	NextHop netip.Addr `json:"next_hop,omitzero"` // towards the peer; invalid: by the routes of the host
	Dev     string     `json:"dev,omitempty"`     // the device that encrypted packets leave by
	Reqid   uint32     `json:"reqid,omitempty"`   // of the SAs

	// Ours and Theirs are the selectors. A range of addresses that is no net
	// becomes several.
	Ours   []netip.Prefix `json:"ours"`
	Theirs []netip.Prefix `json:"theirs"`
	// Protocols and ports of the selectors are decimal, 0 is any; a port of charon
	// may be a range, LOW:HIGH.
	MyProtocol   string `json:"my_protocol"`
	PeerProtocol string `json:"peer_protocol"`
	MyPort       string `json:"my_port"`
	PeerPort     string `json:"peer_port"`

	Link    string         `json:"link,omitempty"`  // the xfrm interface by its name (pluto)
	IfID    uint32         `json:"if_id,omitempty"` // of the xfrm interface, 0 for none
	MarkIn  conn.Mark      `json:"mark_in,omitzero"`
	MarkOut conn.Mark      `json:"mark_out,omitzero"`
	Sources []netip.Addr   `json:"sources,omitempty"` // of this host inside the tunnel, the preferred ones first
	Addrs   []netip.Prefix `json:"addrs,omitempty"`   // for the interface
	VTI     conn.VTI       `json:"vti,omitzero"`
	VTIAddr netip.Prefix   `json:"vti_addr,omitzero"` // for the VTI device
	Metric  uint32         `json:"metric,omitempty"`  // of routes
	MTU     uint32         `json:"mtu,omitempty"`     // of routes, in bytes
	NFLog   uint16         `json:"nflog,omitempty"`   // group, 0 for none
	CAT     bool           `json:"cat,omitempty"`     // client address translation

	ConfigClient   bool               `json:"config_client,omitempty"`  // the peer has configured this host
	NetworkManager bool               `json:"networkmanager,omitempty"` // NetworkManager is told
	Resolver       string             `json:"resolver,omitempty"`       // dns-resolver=: file or systemd
	DNS            []netip.Addr       `json:"dns,omitempty"`            // servers that the peer names
	Domains        []string           `json:"domains,omitempty"`        // that these serve
	Banner         string             `json:"banner,omitempty"`         // of the peer, for people
	Mobike         bool               `json:"mobike,omitempty"`         // addresses are moving
	HostAccess     bool               `json:"host_access,omitempty"`    // PLUTO_HOST_ACCESS
	Debug          bool               `json:"-"`                        // plutodebug=updown
	AlwaysRoute    bool               `json:"-"`                        // --route y
	Accept         []conn.FilterTable `json:"-"`                        // --accept
	OnDemand       bool               `json:"on_demand,omitempty"`      // pluto brings the conn up again, as soon as there is traffic at the latest
}

// ClaimName returns the name of what the event is about, the same for every
// event about one pair of selectors of one conn. It begins with the name of the
// conn and a bracket.
//
// Instances of one conn of pluto differ by their peers. The peer of a conn of
// charon may move without an event.
func (e Event) ClaimName() string {
	var b strings.Builder
	b.WriteString(e.Conn + "[" + string(e.Daemon) + " ")
	writeSelectors(&b, e.Ours, e.MyProtocol, e.MyPort)
	b.WriteByte('=')
	writeSelectors(&b, e.Theirs, e.PeerProtocol, e.PeerPort)
	switch {
	case e.Daemon == Pluto && e.Peer.IsValid():
		b.WriteString(" via " + e.Peer.String())
	case e.Daemon == Pluto:
		b.WriteString(" via any")
	case e.IfID != 0:
		b.WriteString(" if_id " + decimal(e.IfID))
	}
	b.WriteByte(']')
	return b.String()
}

// ConnOf returns the name of the conn that a claim is for: of a claim by ClaimName
// what is before the bracket, of another one its name.
func ConnOf(claim string) string {
	i := strings.LastIndexByte(claim, '[')
	if i < 0 || !strings.HasSuffix(claim, "]") {
		return claim
	}
	daemon, _, _ := strings.Cut(claim[i+1:], " ")
	if d := Daemon(daemon); d != Pluto && d != Charon {
		return claim
	}
	return claim[:i]
}

// SameConn reports whether a claim is about another pair of selectors of the
// conn of an event of pluto, or about the same.
func (e Event) SameConn(claim string) bool {
	return strings.HasPrefix(claim, e.Conn+"[") && strings.HasSuffix(claim, " via "+e.Peer.String()+"]")
}

// writeSelectors writes NET, or NET,NET, with protocol and port unless these
// are any.
func writeSelectors(b *strings.Builder, nets []netip.Prefix, protocol, port string) {
	for i, n := range nets {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(n.String())
	}
	if protocol != "0" || port != "0" {
		b.WriteString(":" + protocol + "/" + port)
	}
}
