package hook

import (
	"fmt"
	"strings"
)

// Arguments are those of the hook's own command line, as libreswan's hook has
// them.
type Arguments struct {
	Route   string // y: routes also where a conn without an interface needs none
	IPRoute string // more for its routes, in the words of ip-route(8)
}

// With returns the event with the arguments taken in.
func (e Event) With(a Arguments) (Event, error) {
	e.AlwaysRoute = e.AlwaysRoute || strings.HasPrefix(strings.ToLower(a.Route), "y")
	r := &reader{env: map[string]string{}}
	r.iproute(&e, "--iproute", a.IPRoute)
	return e, r.err()
}

// iproute reads words of ip-route(8). Those that can be said of a route by
// conns are enough, and are values that everything else knows.
func (r *reader) iproute(e *Event, name, text string) {
	words := strings.Fields(text)
	for i := 0; i < len(words); i += 2 {
		word := words[i]
		if i+1 == len(words) {
			r.fail(name, "%s needs a value", quote(word))
			return
		}
		r.env[word] = words[i+1]
		switch word {
		case "mtu":
			e.MTU = uint32(r.number(word, 1<<32-1))
		case "metric":
			e.Metric = uint32(r.number(word, 1<<32-1))
		case "src":
			if a := r.addr(word); a.IsValid() {
				e.Sources = append(e.Sources, a)
			}
		default:
			r.fail(name, "%s is not supported, mtu, metric and src are", quote(word))
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
