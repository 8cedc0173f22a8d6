package networkmanager

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ipsecif/ipsecif/systemd/bus"
)

// nobody is a bus that is not there: whoever says anything gets an error.
var nobody = Plugin{bus.Bus{Address: "unix:path=/nowhere/bus"}}

func TestNotifyOrNot(t *testing.T) {
	for _, tt := range []struct {
		configured, verb string
		told             bool
	}{
		{"1", "up-client", true},
		{"1", "down-client-v6", true},
		{"1", "route-client", false},
		{"1", "up-host", false},
		{"0", "up-client", false},
		{"", "up-client", false},
		{"01", "up-client", false},
	} {
		err := nobody.Notify(context.Background(), map[string]string{"PLUTO_NM_CONFIGURED": tt.configured, "PLUTO_VERB": tt.verb})
		if told := err != nil; told != tt.told {
			t.Errorf("PLUTO_NM_CONFIGURED=%s, %s: told %v (%v), want %v", tt.configured, tt.verb, told, err, tt.told)
		}
	}
	err := nobody.Notify(context.Background(), map[string]string{"PLUTO_NM_CONFIGURED": "1", "PLUTO_VERB": "up-client"})
	const want = "connecting to the bus at unix:path=/nowhere/bus: dial unix /nowhere/bus: connect: no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestMessage(t *testing.T) {
	got, err := message(map[string]string{
		"PLUTO_VERB": "up-client", "PLUTO_PEER": "192.1.2.23", "PLUTO_PEER_DNS_INFO": "10.1.0.53 10.2.0.53",
		"PLUTO_PEER_BANNER": "Wel\x00come\n\x1b[2J \xff ü", "PATH": "/bin", "PLUTO_CONNECTION": "road", "PLUTO_MY_SOURCEIP": "",
	})
	const want = `map["PLUTO_MY_SOURCEIP":"" "PLUTO_PEER":"192.1.2.23" "PLUTO_PEER_BANNER":"Wel?come\n?[2J ? ü" "PLUTO_PEER_DNS_INFO":"10.1.0.53 10.2.0.53" "PLUTO_VERB":"up-client"]`
	if text := fmt.Sprintf("%q", got); err != nil || text != want {
		t.Errorf("got  %s, %v\nwant %s", text, err, want)
	}
	_, err = message(map[string]string{"PLUTO_PEER_DOMAIN_INFO": "a\nb", "PLUTO_PEER": "\xff"})
	const refused = `PLUTO_PEER="\xff" is not told to NetworkManager: it has characters that such a value never has
PLUTO_PEER_DOMAIN_INFO="a\nb" is not told to NetworkManager: it has characters that such a value never has`
	if err == nil || err.Error() != refused {
		t.Errorf("error %v\nwant  %s", err, refused)
	}
}

// FuzzMessage: the bus cuts off whoever sends a text with a zero byte, or one
// that is not UTF-8.
func FuzzMessage(f *testing.F) {
	f.Add("10.1.0.53 example.net", "Welcome\n")
	f.Add("\xff", "\xff\x00")
	f.Fuzz(func(t *testing.T, value, text string) {
		got, _ := message(map[string]string{"PLUTO_PEER_DOMAIN_INFO": value, banner: text})
		for name, v := range got {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) || name != banner && v != value {
				t.Fatalf("%s=%q of %q and %q", name, v, value, text)
			}
		}
	})
}
