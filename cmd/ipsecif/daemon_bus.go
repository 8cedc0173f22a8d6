package main

import (
	"context"
	"slices"

	"github.com/ipsecif/ipsecif/systemd/bus"
	"github.com/ipsecif/ipsecif/systemd/service"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/daemon"
)

// offer offers a daemon's conns on the system bus until ctx ends. It must be
// called before the daemon runs.
func (a *app) offer(ctx context.Context, l *daemon.Loop) {
	s := service.New(bus.Bus{}, onBus{l, a}, version, func(line string) {
		l.Log(daemon.Message{Priority: daemon.Notice, Text: line})
	})
	l.OnChange = func(found daemon.Status) { s.Tell(service.StateOf(found)) }
	go s.Run(ctx)
}

// onBus is what those do who call the daemon on the bus.
type onBus struct {
	*daemon.Loop
	app *app
}

// Down is that of the Loop, which knows nothing of resolvers.
func (b onBus) Down(ctx context.Context, names []string) error {
	before := b.claimed(names)
	err := b.Loop.Down(ctx, names)
	left := b.claimed(names)
	b.app.forget(slices.DeleteFunc(before, func(name string) bool { return slices.Contains(left, name) }))
	return err
}

// claimed returns the claims of conns.
func (b onBus) claimed(names []string) (claims []string) {
	e := updown.Engine{Store: claim.Open(b.app.stateDir)}
	for _, name := range names {
		some, _ := e.ClaimedAs(name) // an error is that of Down, too
		claims = append(claims, some...)
	}
	return claims
}
