package admin

import (
	"bytes"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"strings"
	"sync"
	"unicode"

	"github.com/coreos/go-systemd/v22/journal"
)

// Log takes a line about a hook, "" for all; its priorities are those of
// syslog(3).
type Log func(p journal.Priority, hook, line string)

const (
	info    = journal.PriInfo
	notice  = journal.PriNotice
	failure = journal.PriWarning
)

// identifier is what the log has for the name of the program.
const identifier = "ipsecif"

// OpenLog returns the log of the host: the journal, with the name of the hook in
// the field IPSECIF_HOOK; or syslog; or what the process that ran us has for
// errors, if neither is there.
func OpenLog() Log {
	if journal.Enabled() {
		return func(p journal.Priority, hook, line string) {
			// Nobody is left to be told that the journal takes nothing.
			_ = journal.Send(message(hook, line), p, map[string]string{"SYSLOG_IDENTIFIER": identifier, "IPSECIF_HOOK": hook})
		}
	}
	if w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, identifier); err == nil {
		return func(p journal.Priority, hook, line string) {
			write := map[journal.Priority]func(string) error{info: w.Info, notice: w.Notice, failure: w.Warning}[p]
			_ = write(message(hook, line)) // as above
		}
	}
	return writeTo(os.Stderr)
}

// writeTo returns a log that writes lines.
func writeTo(w io.Writer) Log {
	return func(_ journal.Priority, hook, line string) {
		_, _ = fmt.Fprintf(w, "%s: %s\n", identifier, message(hook, line))
	}
}

// message is a line of the log. What hooks print may come from strangers, so
// nothing in it can change a terminal, or look like another line.
func message(hook, line string) string {
	if hook != "" {
		line = "hook " + hook + ": " + line
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(line, "?"))
}

// lines is a writer that prints what it gets line by line.
type lines struct {
	print func(line string)
	mu    sync.Mutex // what is left in the background may still write
	part  []byte     // of a line without its end
}

// longest is where a line is folded.
const longest = 1000

// Write prints the lines that are complete.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, b...)
	for {
		end := bytes.IndexByte(l.part, '\n')
		switch {
		case end >= 0 && end <= longest:
			l.print(string(l.part[:end]))
			l.part = l.part[end+1:]
		case len(l.part) > longest:
			l.print(string(l.part[:longest]))
			l.part = l.part[longest:]
		default:
			return len(b), nil
		}
	}
}

// flush prints what came without an end of line.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.print(string(l.part))
		l.part = nil
	}
}
