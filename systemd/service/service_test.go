package service

import (
	"encoding/xml"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"
)

// TestPaths wants a valid path for every name, and another for every other.
func TestPaths(t *testing.T) {
	seen := map[dbus.ObjectPath]string{}
	for name, last := range map[string]string{
		"north-east": "north_2deast", "nets/1x2": "nets_2f1x2", "7": "_37", "a7": "a7", "_": "_5f", "_5f": "_5f5f", "ä": "_c3_a4", "\xff": "_ff",
	} {
		path := pathOf(name)
		if path != connsPath+"/"+dbus.ObjectPath(last) || !path.IsValid() {
			t.Errorf("%q is at %s", name, path)
		}
		if other, ok := seen[path]; ok {
			t.Errorf("%q and %q are both at %s", name, other, path)
		}
		seen[path] = name
	}
}

// TestDifferences wants nothing but what has changed.
func TestDifferences(t *testing.T) {
	before := Conn{Name: "a", Condition: "in sync", Owners: []string{"admin"}, IfID: 1}
	now := before
	now.Owners = []string{"admin", "pluto"}
	now.Condition = "drift"
	changed := differing(before.values(), now.values())
	if names := slices.Sorted(maps.Keys(changed)); !slices.Equal(names, []string{"Condition", "Owners"}) || changed["Condition"].Value() != "drift" {
		t.Errorf("changed: %v", changed)
	}
	now = before
	now.Owners = slices.Clone(before.Owners)
	if changed := differing(before.values(), now.values()); len(changed) > 0 {
		t.Errorf("changed: %v", changed)
	}
	if v := (Conn{Name: "a\xff", Problems: []string{"b\xff"}}).values(); v["Name"].Value() != "a\uFFFD" || !reflect.DeepEqual(v["Problems"].Value(), []string{"b\uFFFD"}) {
		t.Errorf("values: %v", v)
	}
}

// TestDescription compares what is told of objects with what they have.
func TestDescription(t *testing.T) {
	var node introspect.Node
	if err := xml.Unmarshal([]byte(strings.TrimPrefix(describe([]string{"b", "c"}, connDescription, managerDescription), doctype)), &node); err != nil {
		t.Fatal(err)
	}
	if len(node.Children) != 2 || node.Children[1].Name != "c" {
		t.Errorf("below: %v", node.Children)
	}
	values, found := Conn{}.values(), 0
	methods := reflect.TypeFor[managerObject]()
	for _, i := range node.Interfaces {
		for _, p := range i.Properties {
			if value, ok := values[p.Name]; ok && i.Name == ConnName {
				found++
				if value.Signature().String() != p.Type {
					t.Errorf("%s has the type %s, and is told to have %s", p.Name, value.Signature(), p.Type)
				}
			}
		}
		for _, m := range i.Methods {
			if method, ok := methods.MethodByName(m.Name); ok {
				found++
				told, answers := "", ""
				for _, a := range m.Args {
					if a.Direction == "out" {
						told += a.Type
					}
				}
				for i := range method.Type.NumOut() - 1 { // the last one is the error
					answers += dbus.SignatureOfType(method.Type.Out(i)).String()
				}
				if told != answers {
					t.Errorf("%s answers %q, and is told to answer %q", m.Name, answers, told)
				}
			}
		}
	}
	if want := len(values) + methods.NumMethod(); found != want {
		t.Errorf("%d properties and methods are told of, want %d", found, want)
	}
}

// TestManual wants the manual page to have every property, method and name.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../../cmd/ipsecif/ipsecif-dbus.7")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(text))
	want := []string{ManagerName, ConnName, string(Path), errNoConn, errFailed, accessDenied, Action, "PropertiesChanged", "InterfacesAdded", "InterfacesRemoved"}
	for _, i := range []introspect.Interface{managerDescription, connDescription} {
		for _, m := range i.Methods {
			want = append(want, m.Name)
		}
		for _, p := range i.Properties {
			want = append(want, p.Name)
		}
	}
	for _, name := range want {
		if !slices.Contains(words, name) {
			t.Errorf("the manual page has no %s", name)
		}
	}
}
