// Package plan is the pure core of ipsecif: it compiles claims into the state
// that the kernel should have, compares that with the state it has, and orders
// the operations between the two. It touches no kernel, no file and no clock.
package plan

import (
	"maps"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Object is one thing in the kernel: an xfrmi.Link, xfrmi.Attr, xfrmi.Addr,
// routing.Sysctl, routing.Route, routing.Rule or routing.Neigh, or of nftables an
// xfrmi.ClampTable, xfrmi.ClampChain or xfrmi.Clamp, or a firewall.Object; or an
// InNetns, which is one of those in another network namespace. Objects are comparable
// values: == is equality, Key is identity. String is the notation of ip(8),
// sysctl(8) or nft(8) without the command.
type Object interface {
	Key() string
	String() string
}

// State is a set of objects by their keys. The nil State is empty and can be
// read, not written.
type State map[string]Object

// NewState returns a state of the given objects.
func NewState(objects ...Object) State {
	s := make(State, len(objects))
	for _, o := range objects {
		s.Put(o)
	}
	return s
}

// Put adds an object, in place of the one with the same key.
func (s State) Put(o Object) { s[o.Key()] = o }

// Sorted returns the objects in the order in which they would be made, those of
// other network namespaces last.
func (s State) Sorted() []Object {
	var all []Object
	spaces := s.split()
	for _, netns := range slices.Sorted(maps.Keys(spaces)) {
		s := spaces[netns]
		for _, o := range sorted(orderOf(s), slices.Collect(maps.Values(s)), func(o Object) Object { return o }) {
			all = append(all, Inside(netns, o))
		}
	}
	return all
}

// LinkOf returns the name of the link that an object dies with, or "".
func LinkOf(o Object) string {
	switch o := o.(type) {
	case xfrmi.Attr:
		return o.Link
	case xfrmi.Addr:
		return o.Link
	case routing.Sysctl:
		return o.Link
	case routing.Route:
		return o.Dev
	case routing.Neigh:
		return o.Dev
	}
	return ""
}

// isSetting reports whether an object has always some value, so that it is set
// and restored instead of added and deleted.
func isSetting(o Object) bool {
	_, o = Where(o)
	switch o.(type) {
	case xfrmi.Attr, routing.Sysctl:
		return true
	}
	return false
}
