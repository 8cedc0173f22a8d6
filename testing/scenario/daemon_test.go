package scenario_test

import (
	"regexp"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/rogpeppe/go-internal/testscript"
)

// daemon returns the IKE daemon of a host, the one that was started last.
func (s *scenario) daemon(ts *testscript.TestScript, name string) *hosts.Process {
	h := s.host(name)
	for _, p := range []*hosts.Process{h.Pluto(), h.Charon()} {
		if p != nil {
			return p
		}
	}
	ts.Fatalf("%s: no IKE daemon was started", name)
	return nil
}

// crash HOST... ends IKE daemons at once, so that they remove nothing.
func crash(ts *testscript.TestScript, _ bool, names []string) {
	args(ts, names, 1, "crash HOST...")
	for _, name := range names {
		ts.Check(of(ts).daemon(ts, name).Kill())
	}
}

// logged HOST PATTERN waits until the IKE daemon of a host has logged a line.
// "!" means that there is none now.
func logged(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 2, "logged HOST PATTERN")
	pattern, err := regexp.Compile("(?m)" + words[1])
	ts.Check(err)
	const pause = 50 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		log := of(ts).daemon(ts, words[0]).Log()
		switch found := pattern.MatchString(log); {
		case found && !neg, !found && neg:
			return
		case neg || time.Now().After(deadline):
			ts.Fatalf("%q: found is %v in the log of %s:\n%s", words[1], found, words[0], log)
		}
	}
}
