package service

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/systemd/bus"
)

// Action is what polkit is asked for, see systemd/dbus/io.github.ipsecif.policy.
const Action = "io.github.ipsecif.manage"

// The authority of polkit.
const (
	polkitName = "org.freedesktop.PolicyKit1"
	polkitPath = dbus.ObjectPath("/org/freedesktop/PolicyKit1/Authority")
	polkitCall = polkitName + ".Authority.CheckAuthorization"
	mayAsk     = uint32(1) // polkit may ask the user for a password
)

// How long polkit may take: to answer, and to ask the user.
const (
	answerLimit = 10 * time.Second
	askLimit    = 2 * time.Minute
)

const accessDenied = "org.freedesktop.DBus.Error.AccessDenied"

// subject says for polkit whom it is about.
type subject struct {
	Kind    string
	Details map[string]dbus.Variant
}

// verdict is what polkit says.
type verdict struct {
	Authorised, Challenge bool
	Details               map[string]string
}

// authorise returns the user of the sender of a call, if he may bring a conn up or
// down: root may, and whom polkit allows it. Interactive says that the sender would
// wait for a password to be asked for. Whoever is asked for that reads the name, so
// polkit hears of none that the sender has made up.
func (m managerObject) authorise(sender dbus.Sender, verb, name string, interactive bool) (uid uint32, refused *dbus.Error) {
	c := m.bus
	limit, flags := answerLimit, uint32(0)
	if interactive {
		limit, flags = askLimit, mayAsk
	}
	ctx, cancel := context.WithTimeout(c.Context(), limit)
	defer cancel()
	if err := c.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixUser", 0, string(sender)).Store(&uid); err != nil {
		return uid, answer(accessDenied, "asking the bus who calls: "+err.Error())
	}
	switch {
	case uid == 0:
		return uid, nil
	case !m.s.knows(name):
		return uid, answer(errNoConn, "no conn "+name)
	}
	whom := subject{"system-bus-name", map[string]dbus.Variant{"name": dbus.MakeVariant(string(sender))}}
	details := map[string]string{"conn": name, "verb": verb}
	var v verdict
	err := c.Object(polkitName, polkitPath).CallWithContext(ctx, polkitCall, 0, whom, Action, details, flags, "").Store(&v)
	switch {
	case err != nil && bus.Absent(err):
		return uid, answer(accessDenied, "only root may do that: polkit, which might allow it to others, does not run")
	case err != nil:
		return uid, answer(accessDenied, "asking polkit: "+err.Error())
	case v.Authorised:
		return uid, nil
	case v.Challenge && !interactive:
		return uid, answer("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "polkit needs a password for "+Action)
	}
	return uid, answer(accessDenied, "polkit does not allow "+Action)
}
