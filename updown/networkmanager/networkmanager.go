// Package networkmanager tells NetworkManager's plugin for libreswan of tunnels
// that it brought up.
package networkmanager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/ipsecif/ipsecif/systemd/bus"
)

// plugin is where it listens, and the method takes variables by name. The
// program nm-libreswan-service-helper, which libreswan's own script starts, does
// just this call, with every variable of its environment that begins with
// PLUTO_. Without it there is no program to be trusted, and an answer in time.
var plugin = bus.Service{
	Name:      "org.freedesktop.NetworkManager.libreswan",
	Path:      "/org/freedesktop/NetworkManager/libreswan/helper",
	Interface: "org.freedesktop.NetworkManager.libreswan.helper",
	NoStart:   true, // it runs if it brought the tunnel up
}

// variables are those that the plugin reads.
// Without PLUTO_VERB it takes the tunnel for failed.
var variables = []string{
	"PLUTO_VERB", "PLUTO_PEER", "PLUTO_NEXT_HOP", "PLUTO_MY_SOURCEIP", "PLUTO_PEER_CLIENT_NET", "PLUTO_PEER_CLIENT_MASK",
	"PLUTO_XFRMI_ROUTE", "PLUTO_VIRT_INTERFACE", "PLUTO_PEER_DNS_INFO", "PLUTO_PEER_DOMAIN_INFO",
	"PLUTO_CISCO_DNS_INFO", "PLUTO_CISCO_DOMAIN_INFO", banner,
}

// banner is the one text among the variables: what the peer wants to be shown.
const banner = "PLUTO_PEER_BANNER"

// verbs are the events that libreswan's script tells the plugin of.
var verbs = map[string]bool{"up-client": true, "up-client-v6": true, "down-client": true, "down-client-v6": true}

// Plugin is NetworkManager's plugin for libreswan. The zero value is the one on
// the system bus.
type Plugin struct {
	Bus bus.Bus
}

// Notify tells the plugin of an event, which is the environment that pluto gives
// its hook. Nothing is told unless PLUTO_NM_CONFIGURED is 1, which is so for a
// conn with nm-configured=yes, and the verb is up or down of a client. It is an
// error that the plugin does not run or does not answer within five seconds.
func (p Plugin) Notify(ctx context.Context, env map[string]string) error {
	if env["PLUTO_NM_CONFIGURED"] != "1" || !verbs[env["PLUTO_VERB"]] {
		return nil
	}
	told, err := message(env)
	if err != nil {
		return err
	}
	err = p.Bus.Do(ctx, func(s *bus.Session) error { return s.Call(plugin, "Callback", []any{told}) })
	if bus.Absent(err) {
		return fmt.Errorf("NetworkManager's plugin for libreswan does not run: %w", err)
	}
	return err
}

// message selects what the plugin reads. A text in it ends at a zero byte, and
// the bus cuts off whoever sends what is not UTF-8.
func message(env map[string]string) (map[string]string, error) {
	told := make(map[string]string)
	var errs []error
	for _, name := range variables {
		value, ok := env[name]
		if !ok {
			continue
		}
		if name == banner {
			value = strings.Map(shown, strings.ToValidUTF8(value, "?"))
		} else if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' && r != ' ' || r >= unicode.MaxASCII }) {
			errs = append(errs, fmt.Errorf("%s=%q is not told to NetworkManager: it has characters that such a value never has", name, value))
			continue
		}
		told[name] = value
	}
	return told, errors.Join(errs...)
}

// shown returns the character that is shown for one of a stranger's text.
func shown(r rune) rune {
	if r == '\n' || r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return '?'
}
