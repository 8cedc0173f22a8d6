package hook

import (
	"fmt"
	"math"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// Arguments are those of the hook's own command line, as libreswan's hook has
// them.
type Arguments struct {
	Route   string // y or n: routes also where a conn without an interface needs none; empty: as ROUTE says
	IPRoute string // more for its routes, in the words of ip-route(8)
	Accept  string // tables of nftables that accept packets of the tunnel, as accept= has them; empty: as that says
}

// With returns the event with the arguments taken in. They come before what the
// file of defaults says.
func (e Event) With(a Arguments) (Event, error) {
	if a.Route != "" {
		e.AlwaysRoute = strings.HasPrefix(strings.ToLower(a.Route), "y")
	}
	r := newReader(nil)
	r.iproute(&e, "--iproute", a.IPRoute)
	if a.Accept != "" {
		var err error
		if e.Accept, err = conn.ParseFilterTables(a.Accept); err != nil {
			r.fail("--accept", "%v", err)
		}
	}
	return e, r.err()
}

// iproute reads words of ip-route(8). Those that can be said of a route by
// conns are enough, and are values that everything else knows.
func (r *reader) iproute(e *Event, name, text string) {
	for words := strings.Fields(text); len(words) > 0; words = words[2:] {
		word := words[0]
		if len(words) == 1 {
			r.fail(name, "%s needs a value", quote(word))
			return
		}
		switch word {
		case "mtu":
			e.MTU = r.parseNumber(name+" mtu", words[1], math.MaxUint32)
		case "metric":
			e.Metric = r.parseNumber(name+" metric", words[1], math.MaxUint32)
		case "src":
			if a := r.parseAddr(name+" src", words[1]); a.IsValid() {
				e.Sources = append(e.Sources, a)
			}
		default:
			r.fail(name, "%s is not supported, mtu, metric and src are", quote(word))
			return
		}
	}
}

// defaults reads what libreswan's hook takes from its file of defaults, and an
// administrator may set there.
func (r *reader) defaults(e *Event) {
	e.AlwaysRoute = r.flag("ROUTE")
	for _, name := range []string{"IPRARGS", "IPROUTEARGS"} {
		r.iproute(e, name, r.text(name))
	}
}

// OneLine puts all that an error says in one line, for logs that take lines
// apart.
func OneLine(err error) string {
	return strings.Join(strings.FieldsFunc(fmt.Sprint(err), func(c rune) bool { return c == '\n' }), "; ")
}
