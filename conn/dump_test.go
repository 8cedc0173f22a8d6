package conn

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// dumpConn writes the values of a conn that are not zero or the default.
func dumpConn(w io.Writer, c *Conn) {
	fmt.Fprintf(w, "conn %q", c.Name)
	if c.Section != c.Name {
		fmt.Fprintf(w, " of %q", c.Section)
	}
	fmt.Fprintf(w, " %s %s %s\n", c.Type, c.Auto, c.Family)
	for _, side := range bothSides {
		fmt.Fprintf(w, "\t%s %s\n", side, dumpEnd(c.End(side)))
	}
	if values := dumpFields(reflect.ValueOf(*c), "Name", "Section", "Pos", "Left", "Right", "Type", "Auto", "Family", "keys"); values != "" {
		fmt.Fprintf(w, "\t%s\n", strings.TrimSpace(values))
	}
}

func dumpEnd(e *End) string {
	text := e.Host.Kind.String() + " " + e.Host.String()
	if e.Updown != (Updown{Command: DefaultUpdown}) {
		text += fmt.Sprintf(" Updown=%+v", e.Updown)
	}
	return text + dumpFields(reflect.ValueOf(*e), "Host", "Updown")
}

func dumpSetup(s Setup) string {
	return dumpFields(reflect.ValueOf(s))
}

// dumpFields writes the fields of a struct that are not zero.
func dumpFields(v reflect.Value, except ...string) string {
	var b strings.Builder
next:
	for i := range v.NumField() {
		field := v.Type().Field(i)
		for _, name := range except {
			if field.Name == name {
				continue next
			}
		}
		if field.Anonymous {
			b.WriteString(dumpFields(v.Field(i)))
			continue
		}
		if !v.Field(i).IsZero() {
			fmt.Fprintf(&b, " %s=%v", field.Name, v.Field(i).Interface())
		}
	}
	return b.String()
}
