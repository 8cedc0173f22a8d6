package networkd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/systemd/bus"
)

// Client speaks to systemd-networkd; see org.freedesktop.network1(5). The zero
// value uses the system bus.
type Client struct {
	Bus bus.Bus
}

const (
	service   = "org.freedesktop.network1"
	noLink    = "org.freedesktop.resolve1.NoSuchLink" // the name is systemd's for both services
	noMethod  = "org.freedesktop.DBus.Error.UnknownMethod"
	oldest    = "251" // of systemd, which has Kind= in [Match]; DescribeLink came before
	manages   = "configured"
	managesNo = "unmanaged"
	fails     = "failed"
)

// manager is never started for a question: a host without it has another
// program for its network.
var manager = bus.Service{Name: service, Path: "/org/freedesktop/network1", Interface: service + ".Manager", NoStart: true}

// Link is what systemd-networkd says of an interface.
type Link struct {
	Index       int    `json:"Index"`
	Setup       string `json:"AdministrativeState"` // configured, configuring, pending, failed, unmanaged …
	Operational string `json:"OperationalState"`    // off, carrier, routable …
	Network     string `json:"NetworkFile"`         // path of the .network file, "" for none
}

// explain says what it means that networkd does not answer.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case bus.Absent(err):
		return fmt.Errorf("systemd-networkd does not run: %w", err)
	case bus.Is(err, noMethod):
		return fmt.Errorf("systemd-networkd is older than %s: %w", oldest, err)
	}
	return err
}

// Check returns an error if networkd does not run, or cannot serve.
func (c Client) Check(ctx context.Context) error {
	const loopback = 1
	return c.Bus.Do(ctx, func(s *bus.Session) error {
		var text string
		return explain(s.Call(manager, "DescribeLink", []any{int32(loopback)}, &text))
	})
}

// busy is how long networkd may take to answer while it makes many interfaces.
const busy = 2 * time.Minute

func (c Client) patient() bus.Bus {
	b := c.Bus
	b.Limit = busy
	return b
}

// Reload makes networkd read its files again, make new interfaces and configure
// those whose files have changed.
func (c Client) Reload(ctx context.Context) error {
	return c.patient().Do(ctx, func(s *bus.Session) error { return explain(s.Call(manager, "Reload", nil)) })
}

// several is from how many interfaces on all are asked for at once: networkd may
// have much to do before it answers.
const several = 16

// Links returns what networkd knows of interfaces, by name.
func (c Client) Links(ctx context.Context, names []string) (map[string]Link, error) {
	links := map[string]Link{}
	err := c.patient().Do(ctx, func(s *bus.Session) error {
		if len(names) >= several {
			return describeAll(s, names, links)
		}
		for _, name := range names {
			l, ok, err := describe(s, name)
			if err != nil {
				return err
			}
			if ok {
				links[name] = l
			}
		}
		return nil
	})
	return links, explain(err)
}

// describeAll adds what networkd knows of interfaces.
func describeAll(s *bus.Session, names []string, links map[string]Link) error {
	var text string
	if err := s.Call(manager, "Describe", nil, &text); err != nil {
		return err
	}
	var all struct {
		Interfaces []struct {
			Name string
			Link
		}
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return fmt.Errorf("what systemd-networkd says: %w", err)
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, i := range all.Interfaces {
		if wanted[i.Name] {
			links[i.Name] = i.Link
		}
	}
	return nil
}

func describe(s *bus.Session, name string) (l Link, ok bool, err error) {
	var index int32
	var path dbus.ObjectPath
	var text string
	err = s.Call(manager, "GetLinkByName", []any{name}, &index, &path)
	if err == nil {
		err = s.Call(manager, "DescribeLink", []any{index}, &text)
	}
	switch {
	case bus.Is(err, noLink):
		return l, false, nil
	case err != nil:
		return l, false, err
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, false, fmt.Errorf("what systemd-networkd says of %s: %w", name, err)
	}
	return l, true, nil
}
