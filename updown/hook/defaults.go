package hook

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// DefaultsFiles are the files of which libreswan's hook takes the first that
// exists into its shell, on Fedora and on Debian.
var DefaultsFiles = []string{"/etc/sysconfig/pluto_updown", "/etc/default/pluto_updown"}

// assignment is compiled when there is such a file, which few hosts have.
var assignment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"$` + "`" + `\\]*)"|'([^']*)'|([^][ \t"'$` + "`" + `\\;&|<>(){}*?#~]*))[ \t]*(?:#.*)?$`)
})

// Defaults reads the assignments of such a file, which is no script here: a line
// that is neither an assignment of a plain value nor a comment is an error.
func Defaults(name string, text []byte) (env []string, err error) {
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		m := assignment().FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: %s is not NAME=VALUE, and the file is not run as a script", name, n, quote(line))
		}
		env = append(env, m[1]+"="+m[2]+m[3]+m[4])
	}
	return env, nil
}
