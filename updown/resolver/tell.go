package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/updown/dns"
)

// tell tells the resolvers what differs between want and what they were told,
// and what is wanted in again. What is about to be told is written down before,
// so that after a crash the next call knows what is uncertain.
func (m *Manager) tell(ctx context.Context, s *state, want, again dns.Wanted) error {
	links := m.beginLinks(s, want, again)
	domains := s.beginForwards(want, again)
	if err := s.save(m.path()); err != nil {
		return err
	}
	err := errors.Join(
		m.tellFile(want),
		m.tellLinks(ctx, s, want, links),
		m.tellForwards(ctx, s, want, domains),
	)
	return errors.Join(err, s.save(m.path()))
}

// beginLinks marks the interfaces of which something is told or taken back and
// returns their names.
func (m *Manager) beginLinks(s *state, want, again dns.Wanted) []string {
	var names []string
	for name := range both(s.Links, want.Links) {
		told, known := s.Links[name]
		wanted, keep := want.Links[name]
		_, force := again.Links[name]
		index := told.Index
		if i, err := m.Links.Index(name); err == nil && keep {
			index = i
		}
		if known && keep && !force && !told.Pending && told.Index == index && equal(told.Told, wanted) {
			continue
		}
		told.Index, told.Pending = index, true
		s.Links[name] = told
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func equal(a, b dns.Link) bool {
	return a.All == b.All && slices.Equal(a.Servers, b.Servers) && slices.Equal(a.Domains, b.Domains)
}

// beginForwards does for domains what beginLinks does for interfaces.
func (s *state) beginForwards(want, again dns.Wanted) []dns.Domain {
	var domains []dns.Domain
	for d := range both(s.Forwards, want.Forwards) {
		told, wanted := s.Forwards[d], want.Forwards[d]
		_, force := again.Forwards[d]
		if !force && !told.Pending && slices.Equal(told.Servers, wanted) {
			continue
		}
		servers := slices.Clone(told.Servers)
		for _, server := range wanted {
			if !slices.Contains(servers, server) {
				servers = append(servers, server)
			}
		}
		s.Forwards[d] = forward{servers, true}
		domains = append(domains, d)
	}
	slices.Sort(domains)
	return domains
}

// both returns the keys of two maps, as a set.
func both[K comparable, V, W any](a map[K]V, b map[K]W) map[K]bool {
	keys := make(map[K]bool)
	for k := range maps.Keys(a) {
		keys[k] = true
	}
	for k := range maps.Keys(b) {
		keys[k] = true
	}
	return keys
}

func (m *Manager) tellFile(want dns.Wanted) error {
	changed, err := edit(m.ResolvConf, want.Servers, want.Search)
	if err != nil {
		return err
	}
	if changed {
		m.trace("%s: name servers %v, domains %v", m.ResolvConf, want.Servers, want.Search)
	}
	return nil
}

func (m *Manager) tellLinks(ctx context.Context, s *state, want dns.Wanted, names []string) error {
	var errs []error
	for _, name := range names {
		told := s.Links[name]
		wanted, keep := want.Links[name]
		switch {
		case keep && told.Index == 0:
			errs = append(errs, fmt.Errorf("telling systemd-resolved the name servers of %q: there is no such interface", name))
		case keep:
			if err := m.Links.Set(ctx, told.Index, wanted); err != nil {
				errs = append(errs, fmt.Errorf("telling systemd-resolved the name servers of %s: %w", name, err))
				if !errors.Is(err, dns.ErrUnused) {
					continue
				}
			}
			m.trace("systemd-resolved: %s: name servers %v, domains %v, all names %v", name, wanted.Servers, wanted.Domains, wanted.All)
			s.Links[name] = link{Index: told.Index, Told: wanted}
		default:
			if err := m.revert(ctx, told.Index); err != nil {
				errs = append(errs, fmt.Errorf("taking the name servers of %s back from systemd-resolved: %w", name, err))
				continue
			}
			m.trace("systemd-resolved: %s: nothing", name)
			delete(s.Links, name)
		}
	}
	return errors.Join(errs...)
}

// revert takes back what may have been told of an interface; of one that never
// was there nothing was.
func (m *Manager) revert(ctx context.Context, index int) error {
	if index == 0 {
		return nil
	}
	return m.Links.Revert(ctx, index)
}

func (m *Manager) tellForwards(ctx context.Context, s *state, want dns.Wanted, domains []dns.Domain) error {
	if len(domains) == 0 {
		return nil
	}
	u := m.unbound()
	listed, err := u.forwards(ctx)
	var errs []error
	for _, d := range domains {
		wanted, keep := want.Forwards[d]
		if err == nil {
			changed, err := u.tell(ctx, d, wanted, listed[d], s.Forwards[d].Servers)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if changed {
				m.trace("unbound: %s: name servers %v", d, wanted)
			}
		} else if keep || ctx.Err() != nil {
			errs = append(errs, fmt.Errorf("telling unbound the name servers of %s: %w", d, err))
			continue
		}
		// An unbound that does not run has forgotten what it was told.
		if keep {
			s.Forwards[d] = forward{Servers: slices.Clone[[]netip.Addr](wanted)}
		} else {
			delete(s.Forwards, d)
		}
	}
	return errors.Join(errs...)
}
