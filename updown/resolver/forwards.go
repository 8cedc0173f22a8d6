package resolver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/updown/dns"
)

// forwards is what there is to tell to unbound.
type forwards struct {
	m       *Manager
	domains []dns.Domain            // of which something is told or taken back
	listed  map[dns.Domain][]string // what unbound has before
	err     error                   // that nobody could be asked for that
	errs    []error                 // of domains that belong to others
}

// beginForwards marks the domains of which something is told or taken back. A
// domain that unbound forwards already, though nobody here told it, stays with
// the servers that it has, and is not ours.
func (m *Manager) beginForwards(ctx context.Context, s *state, want, again dns.Wanted) *forwards {
	f := &forwards{m: m}
	for d := range both(s.Forwards, want.Forwards) {
		told, known := s.Forwards[d]
		// A domain that is not known is one of others, except for who wants it now.
		if _, now := again.Forwards[d]; now || known && (told.Pending || !slices.Equal(told.Servers, want.Forwards[d])) {
			f.domains = append(f.domains, d)
		}
	}
	if len(f.domains) == 0 {
		return f
	}
	slices.Sort(f.domains)
	f.listed, f.err = m.unbound().forwards(ctx)
	f.domains = slices.DeleteFunc(f.domains, func(d dns.Domain) bool {
		told, known := s.Forwards[d]
		wanted := want.Forwards[d]
		if listed := f.listed[d]; !known && len(listed) > 0 {
			if !same(listed, wanted) {
				f.errs = append(f.errs, fmt.Errorf("unbound asks %s for %s already, which is not changed to %v", strings.Join(listed, " "), d, wanted))
			}
			return true
		}
		s.Forwards[d] = forward{union(told.Servers, wanted), true}
		return false
	})
	return f
}

// union returns all servers of both lists.
func union(servers, others []netip.Addr) []netip.Addr {
	all := slices.Clone(servers)
	for _, o := range others {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}

// tell tells unbound what was begun.
func (f *forwards) tell(ctx context.Context, s *state, want dns.Wanted) error {
	errs := f.errs
	for _, d := range f.domains {
		wanted := want.Forwards[d]
		if err := f.tellDomain(ctx, d, wanted, s.Forwards[d].Servers); err != nil {
			errs = append(errs, err)
		} else if len(wanted) > 0 {
			s.Forwards[d] = forward{Servers: wanted}
		} else {
			delete(s.Forwards, d)
		}
	}
	return errors.Join(errs...)
}

// tellDomain makes unbound ask the wanted servers for a domain. Ours are those
// that it may have been told by us; what somebody else told it meanwhile is left
// alone.
func (f *forwards) tellDomain(ctx context.Context, d dns.Domain, wanted, ours []netip.Addr) error {
	listed := f.listed[d]
	switch {
	case f.err != nil && len(wanted) == 0 && ctx.Err() == nil:
		return nil // an unbound that does not run has forgotten what it was told
	case f.err != nil:
		return fmt.Errorf("telling unbound the name servers of %s: %w", d, f.err)
	case same(listed, wanted):
		return nil
	case !within(listed, ours) && len(wanted) == 0:
		return nil
	case !within(listed, ours):
		return fmt.Errorf("unbound asks %s for %s by now, which is not changed to %v", strings.Join(listed, " "), d, wanted)
	}
	if err := f.m.unbound().ask(ctx, d, wanted); err != nil {
		return err
	}
	f.m.trace("unbound: %s: name servers %v", d, wanted)
	return nil
}
