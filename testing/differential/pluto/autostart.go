package pluto

import (
	"context"
	"fmt"
	"strings"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// valueAuto is auto=, which addconn heeds and pluto never learns.
const valueAuto = "auto"

// autoLists are the lists that addconn makes of a file, and what auto= a conn
// has that is in one; the last one counts. One that is in none is kept.
var autoLists = []struct{ list, auto string }{
	{"--listignore", "ignore"}, {"--listadd", "add"}, {"--listroute", "ondemand"}, {"--liststart", "up"},
}

const inNoList = "keep"

// addAutos adds to each conn what addconn makes of its auto=.
func addAutos(ctx context.Context, h *hosts.Host, conns map[string]Record) error {
	autos := map[string]string{}
	for _, l := range autoLists {
		out, _, err := h.Run(ctx, addconn, "--config", caseFile, l.list)
		if err != nil {
			return fmt.Errorf("listing conns by auto=: %w", err)
		}
		for name := range strings.FieldsSeq(out) {
			autos[name] = l.auto
		}
	}
	for name, r := range conns {
		section, _, _ := strings.Cut(name, "/")
		r[valueAuto] = inNoList
		if auto, ok := autos[section]; ok {
			r[valueAuto] = auto
		}
	}
	return nil
}
