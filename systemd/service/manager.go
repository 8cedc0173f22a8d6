package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/updown/daemon"
)

// Errors that the methods answer, beside those of D-Bus itself.
const (
	errNoConn = Name + ".Error.NoSuchConn"
	errFailed = Name + ".Error.Failed" // the text says why, as on the command line
)

func answer(name, text string) *dbus.Error { return &dbus.Error{Name: name, Body: []any{utf8(text)}} }

// managerObject has the methods of the manager's interface.
type managerObject struct {
	s   *Service
	bus *dbus.Conn
}

// listed is an element of the answer to List.
type listed struct {
	Name, Condition string
	Path            dbus.ObjectPath
}

// List returns all conns by name.
func (m managerObject) List() ([]listed, *dbus.Error) {
	conns, list := m.s.all(), []listed{}
	for path, c := range conns {
		list = append(list, listed{utf8(c.Name), c.Condition, path})
	}
	slices.SortFunc(list, func(a, b listed) int {
		return slices.Compare([]string{a.Name, string(a.Path)}, []string{b.Name, string(b.Path)})
	})
	return list, nil
}

// Status returns the properties of one conn.
func (m managerObject) Status(name string) (map[string]dbus.Variant, *dbus.Error) {
	c, ok := m.s.conn(pathOf(name))
	if !ok {
		return nil, answer(errNoConn, "no conn "+name)
	}
	return c.values(), nil
}

// Up brings a conn up.
func (m managerObject) Up(name string, call dbus.Message, sender dbus.Sender) *dbus.Error {
	return m.change("up", name, call, sender, m.s.manager.Up)
}

// Down takes a conn down. One that is not up stays as it is.
func (m managerObject) Down(name string, call dbus.Message, sender dbus.Sender) *dbus.Error {
	return m.change("down", name, call, sender, func(ctx context.Context, names []string) error {
		err := m.s.manager.Down(ctx, names)
		if _, known := m.s.conn(pathOf(name)); known && errors.Is(err, daemon.ErrNoConn) {
			return nil
		}
		return err
	})
}

func (m managerObject) change(verb, name string, call dbus.Message, sender dbus.Sender, do func(context.Context, []string) error) *dbus.Error {
	select {
	case m.s.calls <- struct{}{}:
		defer func() { <-m.s.calls }()
	default:
		return answer("org.freedesktop.DBus.Error.LimitsExceeded", "too many calls at once")
	}
	interactive := call.Flags&dbus.FlagAllowInteractiveAuthorization != 0
	uid, refused := m.authorise(sender, verb, name, interactive)
	if refused != nil {
		return refused
	}
	err := do(m.bus.Context(), []string{name})
	switch {
	case errors.Is(err, daemon.ErrNoConn):
		return answer(errNoConn, err.Error())
	case err != nil:
		return answer(errFailed, err.Error())
	}
	m.s.log(fmt.Sprintf("%s: %s, as user %d has asked for on the bus", name, verb, uid))
	return nil
}

// objects has the methods of the standard object manager.
type objects struct{ s *Service }

// GetManagedObjects returns the objects of all conns.
func (o objects) GetManagedObjects() (map[dbus.ObjectPath]map[string]map[string]dbus.Variant, *dbus.Error) {
	all := map[dbus.ObjectPath]map[string]map[string]dbus.Variant{}
	for path, c := range o.s.all() {
		all[path] = interfacesOf(c.values())
	}
	return all, nil
}

// propertyReader reads the properties of every object.
type propertyReader struct{ s *Service }

// of returns the properties of the object that a call is for.
func (p propertyReader) of(call dbus.Message) (interf string, values map[string]dbus.Variant, _ *dbus.Error) {
	path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	if path == Path {
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		return ManagerName, p.s.values(), nil
	}
	c, ok := p.s.conn(path)
	if !ok {
		return "", nil, answer("org.freedesktop.DBus.Error.UnknownObject", "there is no object "+string(path))
	}
	return ConnName, c.values(), nil
}

// GetAll returns all properties of an interface of an object.
func (p propertyReader) GetAll(asked string, call dbus.Message) (map[string]dbus.Variant, *dbus.Error) {
	interf, values, err := p.of(call)
	if err == nil && asked != interf && asked != "" {
		values = map[string]dbus.Variant{} // the standard interfaces have none
		if !slices.Contains([]string{properties, introspection, objectManager}, asked) {
			err = answer("org.freedesktop.DBus.Error.UnknownInterface", "the object has no interface "+asked)
		}
	}
	return values, err
}

// Get returns one property.
func (p propertyReader) Get(asked, name string, call dbus.Message) (dbus.Variant, *dbus.Error) {
	values, err := p.GetAll(asked, call)
	value, ok := values[name]
	if err == nil && !ok {
		err = answer("org.freedesktop.DBus.Error.UnknownProperty", "there is no property "+name)
	}
	return value, err
}

// Set refuses: a conn is changed by Up and Down alone.
func (p propertyReader) Set(asked, name string, _ dbus.Variant, call dbus.Message) *dbus.Error {
	if _, err := p.Get(asked, name, call); err != nil {
		return err
	}
	return answer("org.freedesktop.DBus.Error.PropertyReadOnly", name+" cannot be set")
}

// introspector describes every object.
type introspector struct{ s *Service }

// Introspect returns the description of an object in XML.
func (i introspector) Introspect(call dbus.Message) (string, *dbus.Error) {
	path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	paths := slices.Sorted(maps.Keys(i.s.all()))
	switch {
	case path == Path:
		return describe([]string{"conn"}, managerDescription, objectManagerDescription), nil
	case path == connsPath:
		var names []string
		for _, p := range paths {
			names = append(names, string(p[len(connsPath)+1:]))
		}
		return describe(names), nil
	case slices.Contains(paths, path):
		return describe(nil, connDescription), nil
	}
	return "", answer("org.freedesktop.DBus.Error.UnknownObject", "there is no object "+string(path))
}
