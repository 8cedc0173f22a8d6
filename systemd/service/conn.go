package service

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Conn is a conn as it is told on the bus. Fields are its properties there.
type Conn struct {
	Name      string
	Condition string   // as `ipsecif status` has it
	Owners    []string // who has claimed it: admin, pluto, charon; none if it is down
	Link      string   // its interface; "" for a policy-based one
	IfID      uint32   // 0 for one without
	VRF       string
	Netns     string   // network namespace of the link, "" for that of ipsecif
	Peers     []string // outer addresses of the peers, or any
	Problems  []string // why it is blocked
	Repairs   uint64   // how often something of it was repaired since the daemon has started
}

// State is all that is told on the bus.
type State struct {
	Conns    []Conn
	Problems []string // that concern no single conn, such as errors in the configuration
}

// values returns the properties by name. Texts on the bus must be UTF-8.
func (c Conn) values() map[string]dbus.Variant {
	v, values := reflect.ValueOf(c), map[string]dbus.Variant{}
	for i := range v.NumField() {
		switch field := v.Field(i).Interface().(type) {
		case string:
			values[v.Type().Field(i).Name] = dbus.MakeVariant(utf8(field))
		case []string:
			values[v.Type().Field(i).Name] = dbus.MakeVariant(eachUTF8(field))
		default:
			values[v.Type().Field(i).Name] = dbus.MakeVariant(field)
		}
	}
	return values
}

func utf8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func eachUTF8(texts []string) []string {
	all := make([]string, len(texts))
	for i := range texts {
		all[i] = utf8(texts[i])
	}
	return all
}

// pathOf returns the path of a conn's object. In the last part of it bytes other
// than ASCII letters and digits are written as _ and two hexadecimal digits, also
// a digit in front, as systemd does.
func pathOf(name string) dbus.ObjectPath {
	var b strings.Builder
	for i, c := range []byte(name) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return connsPath + "/" + dbus.ObjectPath(b.String())
}

// publish makes a state the one that can be read, and tells those who listen on a
// bus what has changed; nil for nobody.
func (s *Service) publish(state State, on *dbus.Conn) {
	now := make(map[dbus.ObjectPath]Conn, len(state.Conns))
	for _, c := range state.Conns {
		now[pathOf(c.Name)] = c
	}
	s.mu.Lock()
	before, valuesBefore := s.conns, s.values()
	s.conns, s.problems = now, state.Problems
	values := s.values()
	s.mu.Unlock()
	if on == nil {
		return
	}
	// A signal is lost only with the bus, and whoever comes to a new one reads all.
	if changed := differing(valuesBefore, values); len(changed) > 0 {
		_ = on.Emit(Path, properties+".PropertiesChanged", ManagerName, changed, []string{})
	}
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if _, ok := now[path]; !ok {
			_ = on.Emit(Path, objectManager+".InterfacesRemoved", path, []string{ConnName, introspection, properties})
		}
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		old, ok := before[path]
		if !ok {
			_ = on.Emit(Path, objectManager+".InterfacesAdded", path, interfacesOf(now[path].values()))
		} else if !reflect.DeepEqual(old, now[path]) {
			_ = on.Emit(path, properties+".PropertiesChanged", ConnName, differing(old.values(), now[path].values()), []string{})
		}
	}
}

// interfacesOf returns what the object manager tells of an object.
func interfacesOf(values map[string]dbus.Variant) map[string]map[string]dbus.Variant {
	return map[string]map[string]dbus.Variant{ConnName: values, introspection: {}, properties: {}}
}

// differing returns those of the values now that were others before.
func differing(before, now map[string]dbus.Variant) map[string]dbus.Variant {
	changed := map[string]dbus.Variant{}
	for name, value := range now {
		if !reflect.DeepEqual(value, before[name]) {
			changed[name] = value
		}
	}
	return changed
}

// values returns the properties of the manager.
func (s *Service) values() map[string]dbus.Variant {
	return map[string]dbus.Variant{"Version": dbus.MakeVariant(s.version), "Problems": dbus.MakeVariant(eachUTF8(s.problems))}
}

// conn returns the conn of an object.
func (s *Service) conn(path dbus.ObjectPath) (Conn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.conns[path]
	return c, ok
}

// knows reports whether a name stands for a conn, or for several that its section
// makes.
func (s *Service) knows(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.conns[pathOf(name)]; ok {
		return true
	}
	for _, c := range s.conns {
		if strings.HasPrefix(c.Name, name+"/") {
			return true
		}
	}
	return false
}

// all returns the conns by path.
func (s *Service) all() map[dbus.ObjectPath]Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.conns)
}
