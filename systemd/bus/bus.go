// Package bus calls services on the system bus.
package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// limit is how long all calls of one Do may take, unless Bus.Limit says
// otherwise: an IKE daemon waits for them.
const limit = 5 * time.Second

// system is where the bus is; see dbus-daemon(1). The variable
// DBUS_SYSTEM_BUS_ADDRESS is not asked: an address in it may be a program to
// start.
const system = "unix:path=/run/dbus/system_bus_socket"

// absent are the begins of the names of errors that say that nobody answers to
// the name of a service; of the last two, that it could not be started.
var absent = []string{
	"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
	"org.freedesktop.DBus.Error.Spawn.", "org.freedesktop.systemd1.",
}

// Bus is a message bus; the zero value is the system bus.
type Bus struct {
	Address string        // "" for that of the system bus
	Limit   time.Duration // of all calls of one Do, 0 for five seconds
}

// Service is an object of a service and its interface.
type Service struct {
	Name      string // such as org.freedesktop.resolve1
	Path      dbus.ObjectPath
	Interface string
	NoStart   bool // it is not started in order to answer
}

// Session is a connection to a bus, for some seconds.
type Session struct {
	ctx context.Context
	bus *dbus.Conn
}

// Do connects to the bus, calls do and disconnects, all within the limit.
func (b Bus) Do(ctx context.Context, do func(*Session) error) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(b.Limit, limit))
	defer cancel()
	c, err := b.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(&Session{ctx, c})
}

// Connect connects to the bus until ctx ends, or Close is called.
func (b Bus) Connect(ctx context.Context) (*dbus.Conn, error) {
	address := b.Address
	if address == "" {
		address = system
	}
	c, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("connecting to the bus at %s: %w", address, inTime(ctx, err))
	}
	return c, nil
}

// Call calls a method and stores its results.
func (s *Session) Call(to Service, method string, args []any, results ...any) error {
	flags := dbus.Flags(0)
	if to.NoStart {
		flags = dbus.FlagNoAutoStart
	}
	err := s.bus.Object(to.Name, to.Path).CallWithContext(s.ctx, to.Interface+"."+method, flags, args...).Store(results...)
	if err != nil {
		return fmt.Errorf("%s of %s: %w", method, to.Name, inTime(s.ctx, err))
	}
	return nil
}

// Context ends when the time is over.
func (s *Session) Context() context.Context { return s.ctx }

// Is reports whether err is an error of that name, which a service answered.
func Is(err error, name string) bool {
	var answer dbus.Error
	return errors.As(err, &answer) && answer.Name == name
}

// Absent reports whether err means that the service does not run.
func Absent(err error) bool {
	var answer dbus.Error
	return errors.As(err, &answer) && slices.ContainsFunc(absent, func(name string) bool { return strings.HasPrefix(answer.Name, name) })
}

// inTime says what it means that the connection was closed.
func inTime(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	}
	return fmt.Errorf("no answer in time: %w", ctx.Err())
}
