package dns

import (
	"errors"
	"net/netip"
	"slices"
)

// Resolver is who is told what a tunnel asks for.
type Resolver string

// The resolvers of a host.
const (
	File    Resolver = "file"    // the C library, by /etc/resolv.conf
	Systemd Resolver = "systemd" // systemd-resolved, over D-Bus
	Unbound Resolver = "unbound" // unbound(8), over its control socket
)

// Entry is a tunnel that is up and who is told of it.
type Entry struct {
	Request
	Via Resolver `json:"via"`
}

// Link is what systemd-resolved is to know of an interface.
type Link struct {
	Servers []netip.Addr
	Domains []Domain // searched, and asked of this link only
	All     bool     // every name that no other link has a domain for is asked of this link only
}

// ErrUnused means that systemd-resolved was told the name servers of an
// interface and asks them nothing.
var ErrUnused = errors.New("systemd-resolved asks them nothing, because the interface is down or has no address but link-local ones")

// Wanted is what the resolvers are to know.
type Wanted struct {
	Servers  []netip.Addr            // in resolv.conf, before its own
	Search   []Domain                // in resolv.conf, before its own
	Links    map[string]Link         // by name of the interface
	Forwards map[Domain][]netip.Addr // servers that unbound asks for a domain
}

// Want returns what the tunnels in the order in which they came up want
// together. Where one has to be first, it is the one that came last.
func Want(up []Entry) Wanted {
	w := Wanted{Links: make(map[string]Link), Forwards: make(map[Domain][]netip.Addr)}
	for _, e := range slices.Backward(up) {
		switch e.Via {
		case File:
			w.Servers = unique(append(w.Servers, e.Servers...))
			w.Search = unique(append(w.Search, e.Domains...))
		case Systemd:
			l := w.Links[e.Link]
			l.Servers = unique(append(l.Servers, e.Servers...))
			l.Domains = unique(append(l.Domains, e.Domains...))
			l.All = l.All || e.All()
			w.Links[e.Link] = l
		case Unbound:
			for _, d := range e.Domains {
				w.Forwards[d] = unique(append(w.Forwards[d], e.Servers...))
			}
		}
	}
	return w
}
