// Package dns decides what the resolver of the host has to know while tunnels
// are up: name servers and domains, from what the tunnels asked for. It is pure;
// package resolver does it.
package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Request is what one tunnel asks for.
type Request struct {
	Claim   string       `json:"claim"`          // its owner, any text but ""
	Link    string       `json:"link,omitempty"` // its interface; only systemd-resolved needs it
	Default bool         `json:"default"`        // it has the default route: its servers answer for every name
	Servers []netip.Addr `json:"servers"`        // as the peer orders them; none means that nothing is wanted
	Domains []Domain     `json:"domains"`        // none means that the servers answer for every name
	// Unclaimed says that no claim of that name tells whether the tunnel is up.
	Unclaimed bool `json:"unclaimed,omitempty"`
}

// All reports whether the servers are to answer for every name, not just for
// the domains.
func (r Request) All() bool { return r.Default || len(r.Domains) == 0 }

// Check reports what cannot be right in a request.
func (r Request) Check() error {
	var errs []error
	if r.Claim == "" {
		errs = append(errs, errors.New("a request for name servers without an owner"))
	}
	for _, server := range r.Servers {
		errs = append(errs, checkServer(server))
	}
	for _, d := range r.Domains {
		if valid, err := ParseDomain(string(d)); err != nil {
			errs = append(errs, err)
		} else if valid != d {
			errs = append(errs, fmt.Errorf("domain %q is not written as %q", d, valid))
		}
	}
	return errors.Join(errs...)
}

// ParseServers reads name servers separated by blanks, as PLUTO_PEER_DNS_INFO
// has them. The error names all that are refused; the others are returned
// beside it.
func ParseServers(list string) ([]netip.Addr, error) {
	var servers []netip.Addr
	var errs []error
	for _, word := range strings.Fields(list) {
		addr, err := netip.ParseAddr(word)
		if err != nil {
			errs = append(errs, fmt.Errorf("name server %q is no address", word))
			continue
		}
		addr = addr.Unmap()
		if err := checkServer(addr); err != nil {
			errs = append(errs, err)
		} else if !slices.Contains(servers, addr) {
			servers = append(servers, addr)
		}
	}
	return servers, errors.Join(errs...)
}

// checkServer refuses what is no name server of a peer. A zone is any text and
// means a device of this host, and a server on this host would be asked by
// itself.
func checkServer(addr netip.Addr) error {
	why := ""
	switch {
	case !addr.IsValid() || addr.Is4In6():
		why = "is no address"
	case addr.Zone() != "":
		why = "has a zone, which the peer cannot know"
	case addr.IsUnspecified(), addr.IsLoopback():
		why = "is this host"
	case addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		why = "is the address of no single host"
	default:
		return nil
	}
	return fmt.Errorf("name server %q %s", addr, why)
}
