package hook_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/hook"
	"golang.org/x/tools/txtar"
)

// FuzzHookEnv reads any environment, one variable a line, and any arguments.
// What is refused is so for reasons that can be logged. What is not can be
// worked with: it has all that is required, its addresses belong together, and
// it is a conn that plans can be made of.
func FuzzHookEnv(f *testing.F) {
	for _, file := range []string{"testdata/pluto.txtar", "testdata/charon.txtar", full} {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range ar.Files {
			if !strings.HasSuffix(c.Name, ".want") {
				f.Add(string(c.Data), "", "")
			}
		}
	}
	f.Add(strings.Join(ofPluto, "\n"), "y", "mtu 1300 metric 5 src 192.0.5.1")
	f.Fuzz(func(t *testing.T, text, route, iproute string) {
		env := strings.Split(text, "\n")
		event, err := hook.Parse(env)
		if err == nil {
			event, err = event.With(hook.Arguments{Route: route, IPRoute: iproute})
		}
		if err != nil {
			if line := hook.OneLine(err); line == "" || !isPrintable(line) {
				t.Fatalf("an error that is no line: %q", line)
			}
			return
		}
		isWhole(t, event)
		isAConn(t, event)
		again, err := hook.Parse(slices.Concat(env, env, []string{"LANG=C", "PLUTO_FUTURE=1"}))
		if err != nil || again.ClaimName() != event.ClaimName() {
			t.Fatalf("claimed as %q, with more variables as %q (%v)", event.ClaimName(), again.ClaimName(), err)
		}
	})
}

func isPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
}

// isWhole checks that an event has all that is required and nothing that
// contradicts.
func isWhole(t *testing.T, e hook.Event) {
	name := e.ClaimName()
	if !strings.HasPrefix(name, e.Conn+"[") || !isPrintable(name) || e.Conn == "" || hook.ConnOf(name) != e.Conn {
		t.Fatalf("claimed as %q", name)
	}
	adds, takes := e.Actions.Has(hook.Prepare|hook.Route|hook.Up), e.Actions.Has(hook.Unroute|hook.Down)
	if adds == takes {
		t.Fatalf("%s has %v", e.Verb, actionsOf(e.Actions))
	}
	if !e.Me.IsValid() || e.Me.IsUnspecified() || e.Peer.IsValid() && e.Peer.Is4() != e.Me.Is4() || e.NextHop.IsValid() && e.NextHop.Is4() != e.Me.Is4() {
		t.Fatalf("from %s to %s by %s", e.Me, e.Peer, e.NextHop)
	}
	if len(e.Ours) == 0 || len(e.Theirs) == 0 {
		t.Fatalf("from %v to %v", e.Ours, e.Theirs)
	}
	for _, n := range slices.Concat(e.Ours, e.Theirs) {
		if n != n.Masked() || n.Addr().Is4() != e.Ours[0].Addr().Is4() {
			t.Fatalf("from %v to %v", e.Ours, e.Theirs)
		}
	}
	for _, text := range slices.Concat(e.Domains, []string{e.Banner, e.Resolver, e.Dev, e.Link, e.VTI.Device}) {
		if !isPrintable(text) {
			t.Fatalf("the event says %q", text)
		}
	}
	if e.MarkIn.Value&^e.MarkIn.Mask|e.MarkOut.Value&^e.MarkOut.Mask != 0 {
		t.Fatalf("marks %v and %v", e.MarkIn, e.MarkOut)
	}
}

// isAConn checks that left of the conn of an event is this host, whatever
// addresses that has, and that it has the event's selectors.
func isAConn(t *testing.T, e hook.Event) {
	c := e.Tunnel(conn.Setup{}.Conn(e.Conn))
	if side, err := c.Orient(conn.Locals{}); err != nil || side != conn.Left {
		t.Fatalf("this host is %v (%v)", side, err)
	}
	var theirs []netip.Prefix
	for _, s := range c.Right.Subnets {
		theirs = append(theirs, s.Prefix)
	}
	if c.Name != e.ClaimName() || !slices.Equal(theirs, e.Theirs) || c.Interface.IfID != e.IfID || (c.Family == conn.IPv4) != e.Me.Is4() {
		t.Fatalf("the conn is %+v", c)
	}
}

// FuzzDefaults reads any file of defaults. What it takes is a variable each.
func FuzzDefaults(f *testing.F) {
	text, err := os.ReadFile("testdata/defaults")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	for line := range strings.Lines(string(text)) {
		f.Add(line)
	}
	for _, line := range noDefaults {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		env, err := hook.Defaults("pluto_updown", []byte(text))
		if err != nil {
			if env != nil || !isPrintable(err.Error()) {
				t.Fatalf("%q with %v", env, err)
			}
			return
		}
		for _, kv := range env {
			name, value, ok := strings.Cut(kv, "=")
			if !ok || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") != "" ||
				!strings.Contains(text, value) || strings.ContainsAny(value, "\n\"`$\\") && !strings.Contains(text, "'"+value+"'") {
				t.Fatalf("%q of %q", kv, text)
			}
		}
	})
}
