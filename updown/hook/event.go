// Package hook reads what an IKE daemon tells its updown hook: environment and
// arguments become one Event, or an error that names everything wrong with them.
// Much of it comes from the peer, so all of it is data: numbers, addresses and
// texts, never a command or a path.
//
// The variables of pluto are those of libreswan's updown.c (5.x), those of
// charon those of strongSwan's updown plugin.
package hook

import (
	"net/netip"
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

// Has reports whether one of the actions is in the set.
func (a Action) Has(some Action) bool { return a&some != 0 }

// Event is one call of the hook, for one pair of selectors. Zero values mean
// that the daemon has said nothing.
type Event struct {
	Daemon  Daemon
	Verb    string // PLUTO_VERB
	Actions Action
	Conn    string // the name of the conn, of charon that of the child

	Me, Peer netip.Addr // outer addresses; an invalid Peer may have any
	NextHop  netip.Addr // towards the peer; invalid: by the routes of the host
	Dev      string     // the device that encrypted packets leave by
	Reqid    uint32     // of the SAs

	// Ours and Theirs are the selectors. A range of addresses that is no net
	// becomes several.
	Ours, Theirs                    []netip.Prefix
	MyProtocol, PeerProtocol        string // decimal, 0 is any
	MyPort, PeerPort                string // likewise; of charon perhaps a range, LOW:HIGH
	Link                            string // the xfrm interface by its name (pluto)
	IfID                            uint32 // of the xfrm interface, 0 for none
	MarkIn, MarkOut                 conn.Mark
	Sources                         []netip.Addr   // of this host inside the tunnel, the preferred ones first
	Addrs                           []netip.Prefix // for the interface
	VTI                             conn.VTI
	VTIAddr                         netip.Prefix // for the VTI device
	Metric, MTU                     uint32       // of routes
	NFLog                           uint16       // group, 0 for none
	CAT                             bool         // client address translation
	ConfigClient, NetworkManager    bool         // the peer has configured this host; NetworkManager is told
	Resolver                        string       // dns-resolver=: file or systemd
	DNS                             []netip.Addr // servers that the peer names
	Domains                         []string     // that these serve
	Banner                          string       // of the peer, for people
	Mobike, Debug                   bool         // addresses are moving; plutodebug=updown
	AlwaysRoute, HostAccess, Accept bool         // --route y; PLUTO_HOST_ACCESS; --accept
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
