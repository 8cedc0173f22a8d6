package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/spf13/cobra"
)

// finding is the JSON form of a diagnostic.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Col      int    `json:"col"`
	Severity string `json:"severity"` // "error", "warning" or "note"
	Code     string `json:"code"`
	Conn     string `json:"conn,omitempty"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Hint     string `json:"hint,omitempty"`
}

func (a *app) checkCommand() *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use: "check", Short: "Report every error and doubtful place of the configuration", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			f, ds, conns := a.findings()
			if strict {
				for i := range ds {
					if ds[i].Severity == conn.Warning {
						ds[i].Severity = conn.Error
					}
				}
			}
			if a.json {
				findings := []finding{}
				for _, d := range ds {
					findings = append(findings, finding{d.Pos.File, d.Pos.Line, d.Pos.Col, d.Severity.String(), d.Code, d.Conn, d.Key, d.Text, d.Hint})
				}
				if err := a.printJSON(findings); err != nil {
					return err
				}
			} else {
				for _, d := range ds {
					fmt.Fprintf(a.out, "%s: %s\n", d.Severity, d)
				}
			}
			rest := plural(count(ds, conn.Warning), "warning")
			if n := count(ds, conn.Note); n > 0 {
				rest += ", " + plural(n, "note")
			}
			if n := count(ds, conn.Error); n > 0 {
				return fmt.Errorf("%s: %s, %s", f.Name, plural(n, "error"), rest)
			}
			if !a.json {
				fmt.Fprintf(a.out, "%s: %s, no errors, %s\n", f.Name, plural(conns, "conn"), rest)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "take warnings for errors")
	return cmd
}

// findings returns all that is wrong or doubtful, and the number of conns that
// can be used.
func (a *app) findings() (*conn.File, conn.Diagnostics, int) {
	f, ds := a.load()
	_, more := f.Settings()
	ds = append(ds, more...)
	conns, more := f.Conns()
	ds = append(ds, more...)
	host, err := hostFacts(f)
	if err != nil {
		a.complain(fmt.Errorf("some findings may be missing: %w", err))
	}
	ds = append(ds, f.Lint(conns, host)...)
	inOrder(ds)
	return f, ds, len(conns)
}

// inOrder sorts by place, files in the order in which they appear.
func inOrder(ds conn.Diagnostics) {
	files := map[string]int{}
	for _, d := range ds {
		if _, known := files[d.Pos.File]; !known {
			files[d.Pos.File] = len(files)
		}
	}
	slices.SortStableFunc(ds, func(a, b conn.Diagnostic) int {
		return cmp.Or(cmp.Compare(files[a.Pos.File], files[b.Pos.File]), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
}

func count(ds conn.Diagnostics, s conn.Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}
