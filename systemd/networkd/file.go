package networkd

import (
	"slices"
	"strconv"
	"strings"
)

// Dir is where the administrator's files of systemd-networkd are.
const Dir = "/etc/systemd/network"

// prefix begins the names of our files. networkd takes the first file that
// matches an interface, in the order of the names.
const prefix = "50-ipsecif-"

// File is one file of systemd-networkd.
type File struct {
	Name string // below Dir
	Text string
}

// Source is a conn that a file was made from.
type Source struct {
	Conn  string
	Where string // file:line:col of the conn; empty if no configuration has it
}

// Every file begins with a line for each conn that it was made from. Nothing
// else tells which files are ours, and which conns they serve.
const (
	headBegin = "# made by ipsecif from conn "
	headEnd   = ", do not edit"
	headAt    = " at "
)

// line returns the line of a header. The name is quoted, so that no name can end
// the comment; so is the place where it has to be.
func (s Source) line() string {
	line := headBegin + strconv.Quote(s.Conn)
	if s.Where != "" {
		where := strconv.Quote(s.Where)
		if plain := where[1 : len(where)-1]; plain == s.Where {
			where = plain
		}
		line += headAt + where
	}
	return line + headEnd + "\n"
}

// Sources returns the names of the conns that a file was made from, none if it
// is not ours.
func Sources(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		rest, ours := strings.CutPrefix(line, headBegin)
		if !ours || !strings.HasSuffix(line, headEnd+"\n") {
			break
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			break
		}
		if name, err := strconv.Unquote(quoted); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// unit is the text of a file in the making. Nothing but what its methods check
// or make of numbers and addresses gets into it.
type unit struct{ strings.Builder }

func newUnit(sources []Source) *unit {
	u := &unit{}
	for _, s := range sources {
		u.WriteString(s.line())
	}
	return u
}

func (u *unit) section(name string) { u.WriteString("\n[" + name + "]\n") }

// set writes an assignment, none for an empty value.
func (u *unit) set(key, value string) {
	if value != "" {
		u.WriteString(key + "=" + value + "\n")
	}
}

// isName reports whether a device may have a name that stands for itself in files
// of networkd, as a pattern, and in the name of a file.
func isName(name string) bool {
	const longest = 15 // IFNAMSIZ of linux/if.h, without the zero
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-", r)
	}
	letter := func(r rune) bool { return r < '0' || r > '9' }
	return len(name) <= longest && strings.ContainsFunc(name, letter) && !slices.Contains([]string{".", "..", "all", "default"}, name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !plain(r) })
}
