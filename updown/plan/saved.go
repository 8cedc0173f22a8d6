package plan

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Saved is something of the host that is not ours, and that claims have
// changed for as long as they need it: a setting of a device, or a route or
// rule that was in a place of ours.
type Saved struct {
	Kind  string `json:"kind"`            // "attr", "sysctl", "sysctl6" or SavedForeign
	Netns string `json:"netns,omitempty"` // network namespace, "" for that of ipsecif
	Link  string `json:"link,omitempty"`
	// Index is that of the link, or of the device of a route, which may be
	// renamed; 0 for unknown.
	Index uint32 `json:"index,omitempty"`
	Name  string `json:"name,omitempty"`
	Was   string `json:"was"`            // as found, to be restored: a value, or the command that makes the object
	Ours  string `json:"ours,omitempty"` // the value as we set it; any other means that somebody changed it since
}

// SavedForeign is the kind of routes and rules. Whatever is in their place and
// is not ours means that somebody changed it since.
const SavedForeign = "foreign"

// Kinds of saved sysctls.
const (
	savedSysctl  = "sysctl"
	savedSysctl6 = "sysctl6" // for IPv6
)

// savedOf records the old value of a setting beside the new one.
func savedOf(was, ours Object) Saved {
	switch was := was.(type) {
	case xfrmi.Attr:
		return Saved{Kind: "attr", Link: was.Link, Name: was.Name, Was: was.Value, Ours: ours.(xfrmi.Attr).Value}
	case routing.Sysctl:
		kind := savedSysctl
		if was.IPv6 {
			kind = savedSysctl6
		}
		return Saved{Kind: kind, Link: was.Link, Name: was.Name, Was: strconv.Itoa(was.Value), Ours: strconv.Itoa(ours.(routing.Sysctl).Value)}
	}
	panic(fmt.Sprintf("plan: %T is no setting", was))
}

// Object returns what is to be restored.
func (s Saved) Object() Object { return s.object(s.Was) }

// ours returns what we have made of a setting.
func (s Saved) ours() Object { return s.object(s.Ours) }

// object returns the setting with one of its two values, or the foreign object.
// Check has found that it can be read.
func (s Saved) object(value string) Object {
	switch s.Kind {
	case "attr":
		return xfrmi.Attr{Link: s.Link, Name: s.Name, Value: value}
	case SavedForeign:
		op, _ := ParseOp(s.Was)
		return op.Object
	}
	n, _ := strconv.Atoi(value)
	return routing.Sysctl{Link: s.Link, Name: s.Name, IPv6: s.Kind == savedSysctl6, Value: n}
}

// Before returns the state with the displaced routes of main in the places that
// are ours now, or empty.
func (s State) Before(saved []Saved) State {
	before := s
	for _, sv := range saved {
		r, ok := sv.Object().(routing.Route)
		if !ok || sv.Netns != "" || r.Table != routing.TableMain {
			continue
		}
		if is, there := s[r.Key()].(routing.Route); there && !is.Mine() {
			continue
		}
		before = maps.Clone(before)
		before.Put(r)
	}
	return before
}

// Check returns why what was read from a file is not what was written.
func (s Saved) Check() error {
	var err error
	switch s.Kind {
	case "attr":
	case savedSysctl, savedSysctl6:
		_, err = strconv.Atoi(s.Was)
	case SavedForeign:
		op, parseErr := ParseOp(s.Was)
		_, isRoute := op.Object.(routing.Route)
		_, isRule := op.Object.(routing.Rule)
		if err = parseErr; err == nil && (op.Verb != Add || !isRoute && !isRule) {
			err = fmt.Errorf("%q makes no route or rule", s.Was)
		}
	default:
		err = fmt.Errorf("kind %q is not known", s.Kind)
	}
	return err
}
