package hook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/hook"
)

// ofPluto and ofCharon are what a daemon says at least.
var (
	ofPluto  = []string{"PLUTO_CONNECTION=net", "PLUTO_ME=192.1.3.209", "PLUTO_PEER=192.1.2.23", "PLUTO_MY_CLIENT=192.0.5.0/24", "PLUTO_PEER_CLIENT=192.0.2.0/24"}
	ofCharon = append([]string{"PLUTO_VERSION=1.1", "PLUTO_REQID=1"}, ofPluto...)
)

// TestVerbs reads every verb of both daemons: pluto adds a suffix unless it
// calls for several things at once, with updown-config=async.
func TestVerbs(t *testing.T) {
	verbs := map[string][]string{
		"prepare": {"prepare"}, "route": {"route"}, "up": {"up"}, "down": {"down"}, "unroute": {"unroute"},
		"prepare-route-up": {"prepare", "route", "up"}, "prepare-up": {"prepare", "up"}, "prepare-route": {"prepare", "route"},
		"route-up": {"route", "up"}, "down-unroute": {"down", "unroute"}, "unroute-down": {"down", "unroute"},
	}
	for verb, want := range verbs {
		for _, suffix := range []string{"", "-host", "-client", "-host-v6", "-client-v6"} {
			for daemon, env := range map[hook.Daemon][]string{hook.Pluto: ofPluto, hook.Charon: ofCharon} {
				event, err := hook.Parse(append([]string{"PLUTO_VERB=" + verb + suffix}, env...))
				if got := actionsOf(event.Actions); err != nil || !slices.Equal(got, want) || event.Daemon != daemon || event.Verb != verb+suffix {
					t.Errorf("%s of %s is %v of %s (%v), want %v", verb+suffix, daemon, got, event.Daemon, err, want)
				}
			}
		}
	}
}

func TestNoVerbs(t *testing.T) {
	for _, verb := range []string{
		"up-down", "route-unroute", "up-up-client", "up-client-host", "up-client-client", "client-up", "up-v6", "client", "-client", "v6", "host-v6",
		"up-", "-up", "up--client", "up-client-", "UP-CLIENT", "up_client", "restart-client", "up-client ", " up", "up-client-v4", "up-client;reboot",
		"$(reboot)", "up\n", "up\x00", strings.Repeat("up-", 3000),
	} {
		_, err := hook.Parse(append([]string{"PLUTO_VERB=" + verb}, ofPluto...))
		if err == nil || !strings.HasPrefix(err.Error(), "PLUTO_VERB: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want that it is no verb, and nothing else", verb, err)
		}
	}
}
