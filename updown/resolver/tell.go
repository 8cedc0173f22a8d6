package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ipsecif/ipsecif/updown/dns"
)

// tell tells the resolvers what differs between want and what they were told,
// and what is wanted in again. What is about to be told is written down before,
// so that after a crash the next call knows what is uncertain.
func (m *Manager) tell(ctx context.Context, s *state, want, again dns.Wanted) error {
	links := m.beginLinks(s, want, again)
	f := m.beginForwards(ctx, s, want, again)
	if err := s.save(m.path()); err != nil {
		return err
	}
	err := errors.Join(
		m.tellFile(want),
		m.tellLinks(ctx, s, want, links),
		f.tell(ctx, s, want),
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

// tellLinks takes back first: an interface may have got another name, and be
// told again under that.
func (m *Manager) tellLinks(ctx context.Context, s *state, want dns.Wanted, names []string) error {
	var errs []error
	for _, name := range names {
		if _, keep := want.Links[name]; !keep {
			errs = append(errs, m.revert(ctx, s, name))
		}
	}
	for _, name := range names {
		if wanted, keep := want.Links[name]; keep {
			errs = append(errs, m.set(ctx, s, name, wanted))
		}
	}
	return errors.Join(errs...)
}

func (m *Manager) set(ctx context.Context, s *state, name string, wanted dns.Link) error {
	index := s.Links[name].Index
	if index == 0 {
		return fmt.Errorf("telling systemd-resolved the name servers of %q: there is no such interface", name)
	}
	err := m.Links.Set(ctx, index, wanted)
	if err == nil || errors.Is(err, dns.ErrUnused) {
		m.trace("systemd-resolved: %s: name servers %v, domains %v, all names %v", name, wanted.Servers, wanted.Domains, wanted.All)
		s.Links[name] = link{Index: index, Told: wanted}
	}
	if err != nil {
		return fmt.Errorf("telling systemd-resolved the name servers of %s: %w", name, err)
	}
	return nil
}

// revert takes back what may have been told of an interface; of one that never
// was there nothing was.
func (m *Manager) revert(ctx context.Context, s *state, name string) error {
	if index := s.Links[name].Index; index != 0 {
		if err := m.Links.Revert(ctx, index); err != nil {
			return fmt.Errorf("taking the name servers of %s back from systemd-resolved: %w", name, err)
		}
	}
	m.trace("systemd-resolved: %s: nothing", name)
	delete(s.Links, name)
	return nil
}
