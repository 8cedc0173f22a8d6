package pluto

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// Where a case is put on the host, and the program that gives it to pluto.
const (
	caseFile = "/etc/case.conf"
	addconn  = "/usr/libexec/ipsec/addconn"
)

// plutoConf is what pluto itself starts with: no conns, and IKEv1 allowed.
const plutoConf = "config setup\n\tikev1-policy=accept\n"

// Reading is what pluto made of a case.
type Reading struct {
	Conns    map[string]Record // those that it loaded, a member of a subnets= product as NAME/1x1
	Messages string            // what addconn and pluto said
}

// Read starts a pluto on the host, gives it the named conns of a case, whatever
// their auto= says, and asks what it and addconn made of them.
func Read(ctx context.Context, h *hosts.Host, text string, names []string) (reading Reading, err error) {
	for path, data := range map[string]string{"/etc/ipsec.conf": plutoConf, "/etc/ipsec.secrets": "", caseFile: text} {
		if err := h.WriteFile(path, []byte(data), 0o600); err != nil {
			return Reading{}, err
		}
	}
	if err := h.StartPluto(ctx); err != nil {
		return Reading{}, err
	}
	defer func() { err = errors.Join(err, h.StopPluto(ctx)) }()
	out, errOut, err := h.Run(ctx, addconn, append([]string{"--config", caseFile}, names...)...)
	if hosts.ExitCode(err) < 0 { // other failures show in the status
		return Reading{}, err
	}
	if strings.Contains(errOut, "FATAL") { // it read no conn at all
		return Reading{}, err
	}
	reading.Messages = errOut + out
	status, err := h.Whack(ctx, "--connectionstatus")
	if err != nil {
		return Reading{}, err
	}
	if reading.Conns, err = ParseStatus(status); err != nil {
		return Reading{}, fmt.Errorf("%w\n%s", err, status)
	}
	return reading, errors.Join(addAutos(ctx, h, reading.Conns), record(ctx, h, reading.Conns))
}

// Of returns the conns of one section, none when pluto refuses it.
func (r Reading) Of(section string) map[string]Record {
	conns := map[string]Record{}
	for name, record := range r.Conns {
		if base, _, _ := strings.Cut(name, "/"); base == section {
			conns[name] = record
		}
	}
	return conns
}

// About returns the messages that name one section.
func (r Reading) About(section string) string {
	var b strings.Builder
	for line := range strings.Lines(r.Messages) {
		if strings.Contains(line, `"`+section+`"`) || strings.Contains(line, `"`+section+`/`) || strings.Contains(line, "conn "+section+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
