package notify

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/ipsecif/ipsecif/updown/daemon"
)

// identifier is what the journal has for the name of the program.
const identifier = "ipsecif"

var priorities = map[daemon.Priority]journal.Priority{
	daemon.Info: journal.PriInfo, daemon.Notice: journal.PriNotice, daemon.Warning: journal.PriWarning, daemon.Error: journal.PriErr,
}

// OpenLog returns the log of a daemon: the journal, with fields, if that is where
// the errors of the process go, else lines on w.
func OpenLog(w io.Writer) func(daemon.Message) {
	if is, err := journal.StderrIsJournalStream(); err == nil && is {
		return func(m daemon.Message) {
			// Nobody is left to be told that the journal takes nothing.
			_ = journal.Send(text(m), priorities[m.Priority], fields(m))
		}
	}
	return func(m daemon.Message) { _, _ = fmt.Fprintf(w, "%s: %s\n", identifier, text(m)) }
}

// text is the line for a message. Nothing in it can change a terminal, or look
// like another line.
func text(m daemon.Message) string {
	line := m.Text
	if m.Conn != "" {
		line = m.Conn + ": " + line
	}
	if m.Priority == daemon.Warning && m.Conn == "" {
		line = "warning: " + line
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(line, "?"))
}

// fields are those of the journal for what a message is about.
func fields(m daemon.Message) map[string]string {
	f := map[string]string{"SYSLOG_IDENTIFIER": identifier}
	if m.Conn != "" {
		f["IPSECIF_CONN"] = m.Conn
	}
	if m.IfID != 0 {
		f["IPSECIF_IF_ID"] = strconv.FormatUint(uint64(m.IfID), 10)
	}
	if m.Op != "" {
		f["IPSECIF_OP"] = m.Op
	}
	return f
}
