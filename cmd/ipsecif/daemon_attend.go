package main

import (
	"context"

	"github.com/ipsecif/ipsecif/systemd/bus"
	"github.com/ipsecif/ipsecif/systemd/service"
	"github.com/ipsecif/ipsecif/updown/daemon"
)

// attend has what a daemon finds told on the system bus and to resolvers, until ctx
// ends. It must be called before the daemon runs.
func (a *app) attend(ctx context.Context, l *daemon.Loop) {
	s := service.New(bus.Bus{}, l, version, func(line string) {
		l.Log(daemon.Message{Priority: daemon.Notice, Text: line})
	})
	r := a.newSettler(l.Log)
	l.OnChange = func(found daemon.Status) {
		s.Tell(service.StateOf(found))
		r.changed(found)
	}
	go s.Run(ctx)
	go r.run(ctx)
}
