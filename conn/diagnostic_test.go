package conn

import (
	"strings"
	"testing"
)

// TestTooManyWarnings has more warnings than are kept. They must not become an
// error, or a large configuration could not be used; a dropped error must.
func TestTooManyWarnings(t *testing.T) {
	text := strings.Repeat("conn a\n\tdpdaction=hold\n", maxProblems)
	_, problems := Load(memFS{"/ipsec.conf": text}, "/ipsec.conf")
	last := problems[len(problems)-1]
	if last.Code != CodeTooManyProblems || last.Severity != Warning || problems.Err() != nil {
		t.Errorf("the last problem is a %s: %s", last.Severity, last)
	}
	_, problems = Load(memFS{"/ipsec.conf": text + "\tnonsense=1\n\tdpdaction=hold\n"}, "/ipsec.conf")
	if last = problems[len(problems)-1]; last.Severity != Error {
		t.Errorf("an error was dropped, but the last problem is a %s: %s", last.Severity, last)
	}
}
