// Package watch tells when a host has to be looked at: what changes in the
// kernel, in the configuration and in the claims is a trigger, and no more than
// that. Many triggers in a short time become one.
package watch

import "strings"

// Reason is a set of reasons to look.
type Reason uint16

// The reasons.
const (
	Start   Reason = 1 << iota // nobody has looked yet
	Kernel                     // something has changed in the kernel
	Lost                       // and perhaps more than it could tell
	Conf                       // a file of the configuration has changed
	Claims                     // somebody else has changed claims
	Names                      // the addresses of host names are known
	Again                      // what was left undone can be tried again
	Resync                     // nobody has looked for a long time
	Reload                     // the administrator asks for it
	Request                    // a client asks for something
)

var reasonNames = []string{"start", "kernel", "lost events", "configuration", "claims", "names", "retry", "resync", "reload", "request"}

// Has reports whether any of some reasons is in the set.
func (r Reason) Has(some Reason) bool { return r&some != 0 }

// String returns the names of the reasons.
func (r Reason) String() string {
	var names []string
	for i, name := range reasonNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
