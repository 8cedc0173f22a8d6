// Package service offers ipsecif on the system bus: what conns there are and how
// they fare, for everybody, and to bring them up and down, for root and those
// whom polkit allows it.
package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/systemd/bus"
)

// Names on the bus. The number is that of the interface: what is in it stays.
const (
	Name          = "io.github.ipsecif.Ipsecif1"
	Path          = dbus.ObjectPath("/io/github/ipsecif/Ipsecif1")
	ManagerName   = Name + ".Manager"
	ConnName      = Name + ".Conn"
	connsPath     = Path + "/conn"
	properties    = "org.freedesktop.DBus.Properties"
	objectManager = "org.freedesktop.DBus.ObjectManager"
	introspection = "org.freedesktop.DBus.Introspectable"
)

// Manager brings conns up and down. Its methods may be called at any time, also
// at once.
type Manager interface {
	// Up claims the conns that names stand for, and makes what they need. The error
	// is daemon.ErrNoConn if there is none of a name.
	Up(ctx context.Context, names []string) error
	// Down gives them up. The error is daemon.ErrNoConn if none of a name is up.
	Down(ctx context.Context, names []string) error
}

// Service is ipsecif on a bus. New makes one.
type Service struct {
	bus     bus.Bus
	manager Manager
	version string
	log     func(line string)
	told    chan State    // the last one that was told and not published
	calls   chan struct{} // of Up and Down, that are being served

	mu       sync.Mutex
	conns    map[dbus.ObjectPath]Conn // as they are published
	problems []string
}

// atOnce is how many calls of Up and Down are served; more are refused.
const atOnce = 64

// New returns a service for a bus. Log is called with what is wrong with the bus,
// and with who changes what.
func New(on bus.Bus, m Manager, version string, log func(line string)) *Service {
	return &Service{bus: on, manager: m, version: version, log: log, told: make(chan State, 1), calls: make(chan struct{}, atOnce)}
}

// Tell says how everything is now. It does not wait for anybody: those who listen
// on the bus are told soon, and perhaps of several changes as of one. One goroutine
// may call it.
func (s *Service) Tell(state State) {
	select {
	case <-s.told: // which this one is after
	default:
	}
	s.told <- state
}

// The time between attempts to come on the bus grows from the first to the last.
const (
	firstPause = time.Second
	lastPause  = 32 * time.Second
)

// Run serves until ctx ends. While there is no bus, or the name cannot be had, it
// goes on trying; a new reason for that is logged.
func (s *Service) Run(ctx context.Context) {
	said, pause := "", firstPause
	for {
		err := s.serve(ctx, func() {
			if said != "" {
				s.log("on the system bus as " + Name)
			}
			said, pause = "", firstPause
		})
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			said = text
			s.log("not on the system bus, trying again: " + text)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// serve comes on the bus, calls begun, and returns when the bus is gone.
func (s *Service) serve(ctx context.Context, begun func()) error {
	c, err := s.bus.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := s.export(c); err != nil {
		return err
	}
	select {
	case state := <-s.told:
		s.publish(state, nil)
	default:
	}
	reply, err := c.RequestName(Name, dbus.NameFlagDoNotQueue)
	switch {
	case bus.Is(err, "org.freedesktop.DBus.Error.AccessDenied"):
		return fmt.Errorf("%w; is %s.conf in /usr/share/dbus-1/system.d?", err, Name)
	case err != nil:
		return fmt.Errorf("taking the name %s: %w", Name, err)
	case reply != dbus.RequestNameReplyPrimaryOwner:
		return fmt.Errorf("somebody else has the name %s", Name)
	}
	begun()
	for {
		select {
		case state := <-s.told:
			s.publish(state, c)
		case <-c.Context().Done():
			return errors.New("the bus has gone")
		}
	}
}

// export gives the bus the methods of the manager's object and of all below.
func (s *Service) export(c *dbus.Conn) error {
	return errors.Join(
		c.Export(managerObject{s, c}, Path, ManagerName),
		c.Export(objects{s}, Path, objectManager),
		c.ExportSubtree(propertyReader{s}, Path, properties),
		c.ExportSubtree(introspector{s}, Path, introspection),
	)
}
