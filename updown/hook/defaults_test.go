package hook_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/hook"
)

func TestDefaults(t *testing.T) {
	text, err := os.ReadFile("testdata/defaults")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ROUTE=yes", "IPRARGS=mtu 1300", "IPROUTEARGS=metric 9 src $HOME", "EMPTY=", "QUOTED=", "PATH=/usr/local/sbin:/usr/sbin"}
	for name, text := range map[string]string{"as it is": string(text), "of another system": strings.ReplaceAll(string(text), "\n", "\r\n"), "without an end": strings.TrimSuffix(string(text), "\n")} {
		if env, err := hook.Defaults("pluto_updown", []byte(text)); err != nil || !slices.Equal(env, want) {
			t.Errorf("%s: %q (%v), want %q", name, env, err, want)
		}
	}
}

// noDefaults are lines that a shell would do more with than to set a variable.
var noDefaults = []string{
	"if [ -f /etc/x ]; then", "IPRARGS=$(reboot)", "IPRARGS=`reboot`", "IPRARGS=\"$X\"", "IPRARGS=mtu 1300", "ROUTE=yes; reboot", "ROUTE=yes & reboot", "ROUTE=yes >/etc/passwd",
	"ROUTE=~root", "ROUTE=*", "ROUTE=\"yes", "ROUTE='yes", "ROUTE=yes\\", ". /etc/other", "ROUTE", "=yes", "1ROUTE=yes", "ROUTE =yes", "unset ROUTE", "ROUTE=yes\"", "ROUTE='a'b", "\xff=1",
	strings.Repeat("x", 5000),
}

func TestNoDefaults(t *testing.T) {
	for _, line := range noDefaults {
		env, err := hook.Defaults("/etc/default/pluto_updown", []byte("ROUTE=yes\n\n"+line+"\nMORE=1\n"))
		if err == nil || env != nil || !strings.HasPrefix(err.Error(), "/etc/default/pluto_updown:3: ") {
			t.Errorf("%q gives %q (%v)", line, env, err)
		}
	}
}

// TestDefaultsFirst checks that what the file sets counts more than the
// environment, as with a script that takes it in.
func TestDefaultsFirst(t *testing.T) {
	event, err := hook.Parse(slices.Concat([]string{"ROUTE=yes", "PLUTO_MTU=1300"}, ofPluto, []string{"PLUTO_VERB=up-client", "ROUTE=no", "PLUTO_MTU=1400", "PLUTO_ME=192.1.3.1"}))
	if err != nil || !event.AlwaysRoute || event.MTU != 1300 || event.Me.String() != "192.1.3.209" {
		t.Errorf("%+v (%v)", event, err)
	}
}
