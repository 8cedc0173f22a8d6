package plan

import (
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// Verb is what an operation does with its object. The zero value is invalid.
type Verb uint8

// The verbs of operations.
const (
	Add     Verb = iota + 1 // make an object that is not there
	Set                     // give a setting another value
	Replace                 // change an object in place
	Del                     // delete an object that is there, with all its attributes
)

var verbNames = map[Verb]string{Add: "add", Set: "set", Replace: "replace", Del: "del"}

// verbAppend is how ip(8) adds a route behind another with the same key.
const verbAppend = "append"

// String returns the verb as iproute2 writes it.
func (v Verb) String() string { return verbNames[v] }

// Op is one change of the kernel's state and one netlink message.
type Op struct {
	Verb   Verb
	Object Object
}

// String returns the operation as the command that would do the same.
func (op Op) String() string {
	switch o := op.Object.(type) {
	case InNetns:
		return netnsCommand(o.Netns, Op{op.Verb, o.Object})
	case xfrmi.Link:
		if op.Verb == Del {
			return "ip link del dev " + o.Name
		}
		return "ip link " + op.Verb.String() + " " + o.String()
	case xfrmi.Attr:
		return "ip link set " + o.String()
	case routing.Sysctl:
		return "sysctl -w " + o.String()
	case xfrmi.Addr:
		return ip(routing.FamilyOf(o.Prefix.Addr()), "address", op.Verb.String(), o)
	case routing.Route:
		verb := op.Verb.String()
		if o.Behind && op.Verb == Add {
			verb = verbAppend
		}
		return ip(routing.FamilyOf(o.Dst.Addr()), "route", verb, o)
	case routing.Rule:
		return ip(o.Family, "rule", op.Verb.String(), o)
	case routing.Neigh:
		return ip(routing.FamilyOf(o.Addr), "neigh", op.Verb.String(), o)
	case xfrmi.ClampTable, xfrmi.ClampChain, xfrmi.Clamp:
		return nftCommand(op)
	case firewall.Object:
		return "nft '" + firewallCommand(op) + "'"
	}
	return fmt.Sprintf("%s %s", op.Verb, op.Object)
}

func ip(f routing.Family, object, verb string, o Object) string {
	return strings.Join([]string{"ip", f.Flag(), object, verb, o.String()}, " ")
}

// OpError is an operation that the kernel refused.
type OpError struct {
	Op   Op
	Err  error
	Hint string // what the error number does not tell; may be empty
	Done []Op   // the operations of the same Apply that succeeded
}

// Error names the operation and the cause.
func (e *OpError) Error() string {
	s := fmt.Sprintf("%s: %v", e.Op, e.Err)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Made returns the objects that operations have made or changed.
func Made(ops []Op) State {
	made := State{}
	for _, op := range ops {
		if op.Verb != Del {
			made.Put(op.Object)
		}
	}
	return made
}

// Making returns the operation that makes an object, or sets a setting.
func Making(o Object) Op {
	if isSetting(o) {
		return Op{Set, o}
	}
	return Op{Add, o}
}
