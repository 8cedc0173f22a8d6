// Package resolved tells systemd-resolved, over D-Bus, the name servers of
// interfaces; see org.freedesktop.resolve1(5).
package resolved

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/systemd/bus"
	"github.com/ipsecif/ipsecif/updown/dns"
	"golang.org/x/sys/unix"
)

// Client speaks to systemd-resolved. The zero value uses the system bus. It is
// a resolver.Links.
type Client struct {
	Bus bus.Bus
}

const (
	service  = "org.freedesktop.resolve1"
	noLink   = "org.freedesktop.resolve1.NoSuchLink"
	linkBusy = "org.freedesktop.resolve1.LinkBusy"
)

var manager = bus.Service{Name: service, Path: "/org/freedesktop/resolve1", Interface: service + ".Manager"}

// news is how long systemd-resolved may need to hear of a new interface or
// address from the kernel: some milliseconds on an idle machine.
const news = time.Second

// domain and address are arguments of its methods.
type (
	domain struct {
		Name        string
		RoutingOnly bool
	}
	address struct {
		Family int32
		Addr   []byte
	}
)

// Index returns the index of an interface.
func (c Client) Index(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, fmt.Errorf("looking for interface %q: %w", name, err)
	}
	return i.Index, nil
}

// Set tells all that is to be known of an interface. Its domains are searched,
// and asked of its servers only. With l.All these get every name that no other
// interface has a domain for, and nobody else gets it (`~.`); without, they get
// nothing but the domains. The error is dns.ErrUnused if what was told has no
// effect because of the interface.
func (c Client) Set(ctx context.Context, index int, l dns.Link) error {
	domains := []domain{}
	for _, d := range l.Domains {
		domains = append(domains, domain{string(d), false})
	}
	if l.All {
		domains = append(domains, domain{".", true})
	}
	servers := []address{}
	for _, s := range l.Servers {
		servers = append(servers, wire(s))
	}
	return c.Bus.Do(ctx, func(s *bus.Session) error {
		// The servers come last, so that they are not asked what is not theirs.
		err := retry(s, func() (bool, error) {
			err := s.Call(manager, "SetLinkDomains", []any{int32(index), domains})
			return !bus.Is(err, noLink), err
		})
		if err == nil {
			err = s.Call(manager, "SetLinkDefaultRoute", []any{int32(index), l.All})
		}
		if err == nil {
			err = s.Call(manager, "SetLinkDNS", []any{int32(index), servers})
		}
		switch {
		case bus.Absent(err):
			return fmt.Errorf("systemd-resolved does not run: %w", err)
		case bus.Is(err, linkBusy):
			return fmt.Errorf("systemd-networkd manages the interface, and its name servers are those of its .network file: %w", err)
		case err != nil:
			return err
		}
		return used(s, index)
	})
}

func wire(a netip.Addr) address {
	if a.Is4() {
		return address{unix.AF_INET, a.AsSlice()}
	}
	return address{unix.AF_INET6, a.AsSlice()}
}

// used waits until systemd-resolved asks the servers of the interface. It never
// does for one that is down or has no address but link-local ones.
func used(s *bus.Session, index int) error {
	var path dbus.ObjectPath
	if err := s.Call(manager, "GetLink", []any{int32(index)}, &path); err != nil {
		return err
	}
	properties := bus.Service{Name: service, Path: path, Interface: "org.freedesktop.DBus.Properties"}
	return retry(s, func() (bool, error) {
		var scopes uint64 // a bit for each protocol
		if err := s.Call(properties, "Get", []any{service + ".Link", "ScopesMask"}, &scopes); err != nil {
			return true, err
		}
		if scopes == 0 {
			return false, dns.ErrUnused
		}
		return true, nil
	})
}

// retry calls do until it is final, or for as long as news may take.
func retry(s *bus.Session, do func() (final bool, err error)) error {
	const pause = 10 * time.Millisecond
	for end := time.Now().Add(news); ; {
		final, err := do()
		if final || time.Now().After(end) || s.Context().Err() != nil {
			return err
		}
		time.Sleep(pause)
	}
}

// Revert takes everything back that was told of an interface. An interface that
// is gone took it along, and a systemd-resolved that does not run asks nobody.
func (c Client) Revert(ctx context.Context, index int) error {
	return c.Bus.Do(ctx, func(s *bus.Session) error {
		running := manager
		running.NoStart = true
		err := s.Call(running, "RevertLink", []any{int32(index)})
		if bus.Is(err, noLink) || bus.Absent(err) {
			return nil
		}
		return err
	})
}
