package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/spf13/cobra"
)

// hookLimit is the time after which the hook ends, done or not: the IKE daemon
// does nothing else meanwhile. The next run completes or undoes what it began.
const hookLimit = 20 * time.Second

// hookCommand is the command that IKE daemons start, and wait for.
const hookCommand = "updown"

func (a *app) updownCommand() *cobra.Command {
	var arguments hook.Arguments
	cmd := &cobra.Command{
		Use: hookCommand + " [custom]", Short: "Serve as the updown hook of pluto or charon, which set PLUTO_VERB and more",
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"custom"},
		Example: "  leftupdown=\"ipsecif updown\"    # ipsec.conf, in conn %default\n  updown = /usr/sbin/ipsecif updown    # swanctl.conf, in each child",
		RunE: func(*cobra.Command, []string) error {
			timer := time.AfterFunc(hookLimit, func() {
				a.complain(fmt.Errorf("updown: not done within %v", hookLimit))
				os.Exit(exitError)
			})
			defer timer.Stop()
			return a.serve(arguments, timer)
		},
	}
	cmd.Flags().StringVar(&arguments.Route, "route", "", "`y` or n: a route also for conns without an interface that need none")
	cmd.Flags().StringVar(&arguments.IPRoute, "iproute", "", "`ARGS` of ip-route(8) for the routes: mtu, metric, src")
	cmd.Flags().StringVar(&arguments.Accept, "accept", "", "accept packets of the tunnel in `TABLES` of nftables, such as inet/filter")
	return cmd
}

// serve serves the event that the environment tells. The limit is for the change.
func (a *app) serve(arguments hook.Arguments, limit *time.Timer) error {
	event, err := readEvent(arguments)
	if err != nil {
		return errors.New("updown: " + hook.OneLine(err))
	}
	// What goes is known from its claim, whatever became of the configuration.
	extent, base := conf.ExtentOf(&conn.File{}), conn.Conn{}
	if event.Actions.Has(hook.Route | hook.Up) {
		extent, base, err = a.baseOf(event.Conn)
	}
	if err == nil {
		err = a.withEngine(extent, nil, func(e *updown.Engine) error {
			p, up, err := a.finishHook(e, event, base)
			if limit.Stop(); err != nil {
				return err
			}
			if event.Debug {
				a.warnOf(p)
				a.note(p.Notes)
			}
			link := cmp.Or(event.Link, event.Dev)
			name, claimed := p.Links[event.ClaimName()]
			if name != "" {
				link = name
			}
			a.tell(event, link, claimed, up)
			return nil
		})
	}
	switch {
	case err == nil:
		return nil
	case base.HookError == conn.HookErrorWarn:
		a.complain(fmt.Errorf("updown: %s: conn %q: %s (on-hook-error=warn)", event.Verb, event.Conn, hook.OneLine(err)))
		return nil
	}
	return fmt.Errorf("updown: %s: conn %q: %s", event.Verb, event.Conn, hook.OneLine(err))
}

// finishHook does what an event asks for, and says each operation if the daemon
// wants to know.
func (a *app) finishHook(e *updown.Engine, event hook.Event, base conn.Conn) (p plan.Plan, up bool, err error) {
	e.Kernel, e.Trace = deaf{e.Kernel}, func(plan.Op) {}
	if event.Debug {
		trace := a.trace(e)
		defer trace.Flush()
	}
	return e.Hook(event, base)
}

// readEvent reads environment, arguments and the file of defaults. Nothing in that
// file says what goes, so it cannot stand in the way of that.
func readEvent(arguments hook.Arguments) (hook.Event, error) {
	env := os.Environ()
	event, err := hook.Parse(env)
	if err != nil || event.Actions.Has(hook.Unroute|hook.Down) {
		return event, err
	}
	for _, name := range hook.DefaultsFiles {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return hook.Event{}, err
		}
		defaults, err := hook.Defaults(name, text)
		if err != nil {
			return hook.Event{}, err
		}
		env = append(defaults, env...)
		break
	}
	if event, err = hook.Parse(env); err != nil {
		return event, err
	}
	return event.With(arguments)
}

// baseOf returns what the configuration says about a conn of an IKE daemon, by
// default nothing: charon has conns of its own, and no such file is needed. Only
// what is wrong with the conn itself and with config setup counts.
func (a *app) baseOf(name string) (conf.Extent, conn.Conn, error) {
	if a.config == "" && !anyExists(configFiles) {
		return conf.ExtentOf(&conn.File{}), conn.Setup{}.Conn(name), nil
	}
	f, extent, read := conf.Open(a.stateDir).Read(a.config, name, a.loadFrom)
	if len(f.Sections) == 0 && read.Err() != nil {
		return extent, conn.Conn{}, read.Err()
	}
	setup, ds := f.Settings()
	base := setup.Conn(name)
	conns, more := f.Lookup(name)
	if len(conns) > 0 {
		base = conns[0]
	}
	err := append(ds, more...).Err()
	if err == nil {
		err = brokenBy(f, read, name)
	}
	return extent, base, err
}

// brokenBy returns why a conn or config setup could not be read as they are, nil
// if they could: the errors in them, else all, for there are templates.
func brokenBy(f *conn.File, read conn.Diagnostics, name string) error {
	section, _ := conn.SectionOf(name)
	broken := f.Setup.Broken
	var own conn.Diagnostics
	for i := range f.Sections {
		if s := &f.Sections[i]; s.Name == name || s.Name == section {
			broken = broken || s.Broken
		}
	}
	for _, d := range read {
		if d.Conn == "" || d.Conn == name || d.Conn == section {
			own = append(own, d)
		}
	}
	switch {
	case !broken:
		return nil
	case own.Err() != nil:
		return own.Err()
	}
	return read.Err()
}

func anyExists(names []string) bool {
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			return true
		}
	}
	return false
}
