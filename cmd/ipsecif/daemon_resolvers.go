package main

import (
	"context"
	"fmt"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/daemon"
)

// settler keeps resolvers at what tunnels that are up have asked for. The kernel
// does not know that; and systemd-resolved forgets what it was told of a link that
// is lost, so a repaired one needs it again.
type settler struct {
	app     *app
	log     func(daemon.Message)
	need    chan struct{}
	repairs map[string]uint64 // by claim, as they were; nil before the first time
	said    string
}

func (a *app) newSettler(log func(daemon.Message)) *settler {
	return &settler{app: a, log: log, need: make(chan struct{}, 1)}
}

// changed is called with what the daemon has found.
func (s *settler) changed(found daemon.Status) {
	need := s.repairs == nil
	now := make(map[string]uint64, len(found.Conns))
	for _, c := range found.Conns {
		now[c.Name] = c.Repairs
		need = need || c.Repairs > s.repairs[c.Name]
	}
	for name := range s.repairs {
		if _, ok := now[name]; !ok {
			need = true // it has gone, whoever took it away
		}
	}
	s.repairs = now
	if !need {
		return
	}
	select {
	case s.need <- struct{}{}:
	default: // it is needed anyway
	}
}

// run tells the resolvers until ctx ends.
func (s *settler) run(ctx context.Context) {
	// Lines of resolv.conf may be from before the last boot. What another state
	// directory has to do with them is not known.
	lost := s.app.stateDir == defaultStateDir
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.need:
		}
		m := s.app.resolvers()
		if !lost && !m.Knows() {
			continue
		}
		lost = false
		store := updown.Engine{Store: claim.Open(s.app.stateDir)}
		text := ""
		if err := m.Settle(ctx, store.IsUp); err != nil {
			text = fmt.Sprintf("telling resolvers again what tunnels have asked for: %v", err)
		}
		if text != s.said && text != "" {
			s.log(daemon.Message{Priority: daemon.Warning, Text: text})
		}
		s.said = text
	}
}
