package main

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/hook"
)

// memberNumber is what follows "name/" in the name of a conn that subnets=
// lists make.
var memberNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+x[0-9]+$`) })

// members returns those of the candidates that a name on the command line
// stands for: the conn itself, what the file makes of its subnets= lists, and
// what these made before, if nothing in the file has that name now; of each,
// also what IKE daemons have claimed.
func members(f *conn.File, name string, candidates []string) []string {
	made, _ := f.Lookup(name)
	return slices.DeleteFunc(slices.Clone(candidates), func(candidate string) bool {
		of := hook.ConnOf(candidate)
		if candidate == name || of == name || slices.Contains(namesOf(made), of) {
			return false
		}
		number, ok := strings.CutPrefix(of, name+"/")
		if !ok || !memberNumber().MatchString(number) {
			return true
		}
		now, _ := f.Lookup(of)
		return len(now) > 0
	})
}
