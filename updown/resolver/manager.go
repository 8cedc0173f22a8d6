// Package resolver tells the resolvers of the host what tunnels ask for, and
// takes it back: the C library by resolv.conf(5), unbound(8) by its control
// program, systemd-resolved by whoever speaks D-Bus for it.
package resolver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ipsecif/ipsecif/updown/dns"
	"github.com/ipsecif/ipsecif/updown/lock"
)

// Where things are on a host.
const (
	ResolvConf     = "/etc/resolv.conf"
	UnboundControl = "/usr/sbin/unbound-control"
)

// limit is how long a call may take, whatever does not answer: an IKE daemon
// waits for it. It is less than others wait for the lock.
const limit = 8 * time.Second

// Links is systemd-resolved, which keeps name servers by the index of an
// interface. Calls end by themselves when it does not answer.
type Links interface {
	// Index returns the index of an interface.
	Index(name string) (int, error)
	// Set tells all that is to be known of an interface. The error dns.ErrUnused
	// means that it was told.
	Set(ctx context.Context, index int, l dns.Link) error
	// Revert takes everything back that was told of an interface. It is no error
	// that the interface, or systemd-resolved, is not there any more.
	Revert(ctx context.Context, index int) error
}

// Manager keeps the resolvers of a host at what the tunnels that are up ask
// for. Each is told only what changed, and what failed, or was cut off by a
// crash, is done by the next call.
type Manager struct {
	StateDir   string            // for what was asked and told, and a lock; made when it is missing
	ResolvConf string            // usually the constant ResolvConf
	Control    string            // usually UnboundControl; a host without that file has no unbound
	Links      Links             // never nil
	Trace      func(line string) // is called with what is told to whom; nil for nobody
}

// Set makes r what its claim asks for, in place of what it asked for before. A
// new claim comes before all that there are. The setting is libreswan's
// dns-resolver=, see dns.Choose. A request without name servers asks for
// nothing.
func (m *Manager) Set(ctx context.Context, setting string, r dns.Request) error {
	if err := r.Check(); err != nil {
		return err
	}
	if len(r.Servers) == 0 {
		return m.Drop(ctx, r.Claim)
	}
	stub, err := isStub(m.ResolvConf)
	if err != nil {
		return err
	}
	via, err := dns.Choose(setting, r, dns.Host{Stub: stub, Unbound: func() bool {
		_, err := m.unbound().forwards(ctx)
		return err == nil
	}})
	if err != nil {
		return err
	}
	e := dns.Entry{Request: r, Via: via}
	return m.change(ctx, func(s *state) ([]dns.Entry, error) {
		if i := s.find(r.Claim); i >= 0 {
			s.Up[i] = e
		} else {
			s.Up = append(s.Up, e)
		}
		return []dns.Entry{e}, nil
	})
}

// Drop takes back what a claim asked for; it is no error if that is nothing.
func (m *Manager) Drop(ctx context.Context, claim string) error {
	if !m.Knows() {
		return nil
	}
	return m.change(ctx, func(s *state) ([]dns.Entry, error) {
		if i := s.find(claim); i >= 0 {
			s.Up = slices.Delete(s.Up, i, i+1)
		}
		return nil, nil
	})
}

// Reap drops what claims have asked for that are not up any more, of those that
// which is true of: whoever gave them up may have died before it said so. IsUp is
// asked of each while nobody else changes anything here; who asks for something
// has its claim before.
func (m *Manager) Reap(ctx context.Context, which func(claim string) bool, isUp func(claim string) (bool, error)) error {
	if !m.Knows() {
		return nil
	}
	return m.change(ctx, func(s *state) ([]dns.Entry, error) {
		return nil, s.reap(which, isUp)
	})
}

// Knows reports whether anything was asked for or told and not taken back.
func (m *Manager) Knows() bool {
	_, err := os.Stat(m.path())
	return err == nil
}

// Settle is Reap for all claims, and tells everything again, for interfaces that
// were made anew and resolvers that were started anew, and after a loss of the
// state: lines in resolv.conf may be older than that.
func (m *Manager) Settle(ctx context.Context, isUp func(claim string) (bool, error)) error {
	return m.change(ctx, func(s *state) ([]dns.Entry, error) {
		err := s.reap(func(string) bool { return true }, isUp)
		return s.Up, err
	})
}

// change edits what is up and tells the difference, and once more what the
// entries want that edit returns.
func (m *Manager) change(ctx context.Context, edit func(*state) (again []dns.Entry, err error)) error {
	if err := os.MkdirAll(m.StateDir, 0o755); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	lock, err := lock.Take(filepath.Join(m.StateDir, "dns.lock"), lock.Patience)
	if err != nil {
		return err
	}
	defer lock.Release()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s, err := load(m.path())
	if err != nil {
		return err
	}
	again, err := edit(s)
	if err != nil {
		return err
	}
	return m.tell(ctx, s, dns.Want(s.Up), dns.Want(again))
}

func (m *Manager) path() string { return filepath.Join(m.StateDir, "dns.json") }

func (m *Manager) unbound() unbound { return unbound{m.Control} }

func (m *Manager) trace(format string, args ...any) {
	if m.Trace != nil {
		m.Trace(fmt.Sprintf(format, args...))
	}
}
