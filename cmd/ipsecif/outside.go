package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/systemd/resolved"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/admin"
	"github.com/ipsecif/ipsecif/updown/dns"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/networkmanager"
	"github.com/ipsecif/ipsecif/updown/resolver"
	"github.com/spf13/cobra"
)

// This file has what follows a change of the kernel, outside of it: what tunnels
// ask of resolvers, and who wants to know of events. None of it decides whether
// an event has succeeded.

// outsideLimit is how long all of that may take together: the IKE daemon still
// waits.
const outsideLimit = 10 * time.Second

// tell tells everybody outside the kernel of an event that has been served.
func (a *app) tell(event hook.Event, link string, claimed, up bool) {
	complain := func(err error) {
		if err != nil {
			a.complain(fmt.Errorf("updown: %s: conn %q: %s", event.Verb, event.Conn, hook.OneLine(err)))
		}
	}
	env := os.Environ()
	start := sync.OnceFunc(func() { complain(a.hooks().Start(event, env)) })
	limit := time.AfterFunc(outsideLimit, func() {
		complain(fmt.Errorf("the resolvers and NetworkManager have not been told within %v", outsideLimit))
		start()
		os.Exit(exitDone)
	})
	defer limit.Stop()
	ctx := context.Background() // whoever is told has a limit of its own
	if !event.NetworkManager {  // which does it itself
		complain(a.nameServers(ctx, event, link, claimed, up))
	} else if event.Daemon == hook.Pluto {
		complain(networkmanager.Plugin{}.Notify(ctx, variables(env)))
	}
	start()
}

// reap takes back what tunnels of daemons have asked of resolvers whose claims are
// gone: those of names on a command line, or of all. Nobody else does it when the
// hook that gave a claim up did not get that far.
func (a *app) reap(e *updown.Engine, f *conn.File, names []string, all bool) {
	which := func(claim string) bool {
		return all || slices.ContainsFunc(names, func(name string) bool { return len(members(f, name, []string{claim})) > 0 })
	}
	if err := a.resolvers().Reap(context.Background(), which, e.IsUp); err != nil {
		a.complain(err)
	}
}

func (a *app) resolvers() *resolver.Manager {
	return &resolver.Manager{StateDir: a.stateDir, ResolvConf: resolver.ResolvConf, Control: resolver.UnboundControl, Links: resolved.Client{}}
}

// nameServers gives the resolvers of the host what a peer has sent for them, or
// takes it back.
func (a *app) nameServers(ctx context.Context, event hook.Event, link string, claimed, up bool) error {
	m := a.resolvers()
	if event.Debug {
		m.Trace = func(line string) { fmt.Fprintf(a.err, "[#] %s\n", line) }
	}
	switch {
	case event.Actions.Has(hook.Down) && !up:
		return m.Drop(ctx, event.ClaimName())
	case !event.Actions.Has(hook.Up) || !event.ConfigClient || len(event.DNS) == 0:
		return nil
	}
	domains, err := dns.ParseDomains(strings.Join(event.Domains, " "))
	if err != nil {
		return err
	}
	return m.Set(ctx, event.Resolver, dns.Request{
		Claim: event.ClaimName(), Link: link, Servers: event.DNS, Domains: domains, Unclaimed: !claimed,
		Default: slices.ContainsFunc(event.Theirs, func(p netip.Prefix) bool { return p.Bits() == 0 }),
	})
}

// variables returns an environment by name.
func variables(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		m[name] = value
	}
	return m
}

// runHooks is the command that runs the hooks of the administrator in a process
// of their own.
const runHooks = "run-hooks"

func (a *app) hooks() admin.Hooks {
	return admin.Hooks{Dir: admin.Directory, StateDir: a.stateDir, Args: []string{runHooks, "--state-dir", a.stateDir}}
}

func (a *app) runHooksCommand() *cobra.Command {
	return &cobra.Command{
		Use: runHooks, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			signal.Reset() // for the hooks
			return a.hooks().Run(admin.OpenLog())
		},
	}
}
