package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/systemd/notify"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/daemon"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/lock"
	"github.com/ipsecif/ipsecif/updown/watch"
	"github.com/spf13/cobra"
)

func (a *app) daemonCommand() *cobra.Command {
	return &cobra.Command{
		Use: "daemon", Short: "Bring up the conns with auto=, and keep everything that is up as it is to be", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runDaemon() },
	}
}

// daemonLock is the file in the state directory of which a daemon has the lock.
const daemonLock = "daemon.lock"

// runDaemon works until a signal ends it.
func (a *app) runDaemon() error {
	debug.SetGCPercent(100) // it lives long, and rests for most of that
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM) // which wait until it can answer
	defer signal.Stop(signals)
	if err := os.MkdirAll(a.stateDir, 0o755); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	only, err := lock.Take(filepath.Join(a.stateDir, daemonLock), 0)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("another ipsecif daemon serves the state directory %s", a.stateDir)
	} else if err != nil {
		return err
	}
	defer only.Release()
	k, err := kernel.Open()
	if err != nil {
		return err
	}
	defer k.Close()
	w, err := watch.Open(a.stateDir)
	if err != nil {
		return err
	}
	defer w.Close()
	log := notify.OpenLog(a.err)
	for _, err := range w.Unwatched() {
		log(daemon.Message{Priority: daemon.Warning, Text: err.Error() + "; such changes are found late"})
	}
	sayNetworkd(log)
	service := notify.New()
	l := &daemon.Loop{
		Engine: &updown.Engine{Kernel: k, Store: claim.Open(a.stateDir)},
		Load:   (&source{app: a}).load, Watch: w.Configuration, LookUp: lookup, Reasons: w.Reasons(),
		Log: log, Service: service, Neighbours: a.neighbours, StateDir: a.stateDir, WatchdogEvery: notify.WatchdogEvery(),
	}
	l.Init()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a.attend(ctx, l)
	go func() {
		for s := range signals {
			if s == syscall.SIGHUP {
				l.Reload()
				continue
			}
			service.Stopping()
			cancel()
		}
	}()
	return l.Run(ctx)
}

// source is where a daemon has its configuration from. It is safe for concurrent
// use.
type source struct {
	app  *app
	mu   sync.Mutex
	used string // the file of the last one without errors
}

// file returns the file to read. One that was used and is there no more is on a
// file system that has vanished, perhaps: then another default file is not meant.
func (s *source) file(files conn.FS) string {
	name := s.app.file(files)
	if s.used == configFiles[0] && name != s.used && s.app.config == "" {
		return s.used
	}
	return name
}

// load reads the configuration as a whole.
func (s *source) load() (c daemon.Conf, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var trail conf.Trail
	f, ds := conn.Load(&trail, s.file(&trail))
	_, more := f.Settings()
	found, of := f.Conns()
	ds = append(append(ds, more...), of...)
	c.Places = trail.Places()
	if err := ds.Err(); err != nil {
		return c, err
	}
	for _, d := range ds {
		if d.Severity == conn.Warning {
			c.Warnings = append(c.Warnings, d.String())
		}
	}
	s.used = f.Name
	c.Conns, c.Extent = withInterface(found), conf.ExtentOf(f)
	return c, nil
}
