package service

import (
	"encoding/xml"
	"reflect"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"
)

// doctype is that of the introspection format of the D-Bus specification.
const doctype = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">` + "\n"

// The interfaces of the objects.
var (
	managerDescription = introspect.Interface{
		Name: ManagerName,
		Methods: []introspect.Method{
			{Name: "List", Args: []introspect.Arg{out("conns", "a(sso)")}},
			{Name: "Status", Args: []introspect.Arg{in("name", "s"), out("properties", "a{sv}")}},
			{Name: "Up", Args: []introspect.Arg{in("name", "s")}},
			{Name: "Down", Args: []introspect.Arg{in("name", "s")}},
		},
		Properties: []introspect.Property{
			{Name: "Version", Type: "s", Access: "read", Annotations: []introspect.Annotation{{Name: "org.freedesktop.DBus.Property.EmitsChangedSignal", Value: "const"}}},
			{Name: "Problems", Type: "as", Access: "read"},
		},
	}
	connDescription          = introspect.Interface{Name: ConnName, Properties: connProperties()}
	objectManagerDescription = introspect.Interface{
		Name:    objectManager,
		Methods: []introspect.Method{{Name: "GetManagedObjects", Args: []introspect.Arg{out("objects", "a{oa{sa{sv}}}")}}},
		Signals: []introspect.Signal{
			{Name: "InterfacesAdded", Args: []introspect.Arg{{Name: "object", Type: "o"}, {Name: "interfaces", Type: "a{sa{sv}}"}}},
			{Name: "InterfacesRemoved", Args: []introspect.Arg{{Name: "object", Type: "o"}, {Name: "interfaces", Type: "as"}}},
		},
	}
	propertiesDescription = introspect.Interface{
		Name: properties,
		Methods: []introspect.Method{
			{Name: "Get", Args: []introspect.Arg{in("interface", "s"), in("property", "s"), out("value", "v")}},
			{Name: "GetAll", Args: []introspect.Arg{in("interface", "s"), out("properties", "a{sv}")}},
			{Name: "Set", Args: []introspect.Arg{in("interface", "s"), in("property", "s"), in("value", "v")}},
		},
		Signals: []introspect.Signal{{Name: "PropertiesChanged", Args: []introspect.Arg{
			{Name: "interface", Type: "s"}, {Name: "changed", Type: "a{sv}"}, {Name: "invalidated", Type: "as"},
		}}},
	}
)

func in(name, signature string) introspect.Arg {
	return introspect.Arg{Name: name, Type: signature, Direction: "in"}
}

func out(name, signature string) introspect.Arg {
	return introspect.Arg{Name: name, Type: signature, Direction: "out"}
}

// connProperties describes the fields of Conn.
func connProperties() []introspect.Property {
	var all []introspect.Property
	t := reflect.TypeFor[Conn]()
	for i := range t.NumField() {
		f := t.Field(i)
		all = append(all, introspect.Property{Name: f.Name, Type: dbus.SignatureOfType(f.Type).String(), Access: "read"})
	}
	return all
}

// describe returns the XML of an object with some interfaces beside the standard
// ones, and with the names of the objects below it.
func describe(below []string, interfaces ...introspect.Interface) string {
	node := introspect.Node{Interfaces: append(interfaces, propertiesDescription, introspect.IntrospectData, introspect.PeerData)}
	for _, name := range below {
		node.Children = append(node.Children, introspect.Node{Name: name})
	}
	var b strings.Builder
	b.WriteString(doctype)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	_ = e.Encode(node) // into memory, of strings alone
	return b.String() + "\n"
}
