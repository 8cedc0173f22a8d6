package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/spf13/cobra"
)

// finding is the JSON form of a diagnostic.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Col      int    `json:"col"`
	Severity string `json:"severity"` // "error" or "warning"
	Code     string `json:"code"`
	Conn     string `json:"conn,omitempty"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Hint     string `json:"hint,omitempty"`
}

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Report every error and doubtful place of the configuration", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			f, ds := a.load()
			conns, more := f.Conns()
			ds = append(ds, more...)
			ds = append(ds, f.Lint(conns)...)
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
			if n := count(ds, conn.Error); n > 0 {
				return fmt.Errorf("%s: %d error(s), %d warning(s)", f.Name, n, count(ds, conn.Warning))
			}
			if !a.json {
				fmt.Fprintf(a.out, "%s: %d conn(s), no errors, %d warning(s)\n", f.Name, len(conns), count(ds, conn.Warning))
			}
			return nil
		},
	}
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

// listed is the JSON form of a line of `list`.
type listed struct {
	Name  string `json:"name"`
	Where string `json:"where"`
	Link  string `json:"link,omitempty"` // empty for a conn without ipsec-interface
	IfID  uint32 `json:"if_id,omitempty"`
	Left  string `json:"left"`
	Right string `json:"right"`
	Auto  string `json:"auto"`
}

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the conns of the configuration", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			f, ds := a.load()
			conns, more := f.Conns()
			a.warn(ds)
			err := errors.Join(ds.Err(), more.Err())
			list := []listed{}
			for i := range conns {
				c := &conns[i]
				list = append(list, listed{c.Name, c.Pos.String(), c.Interface.Name, c.Interface.IfID, c.Left.Host.String(), c.Right.Host.String(), c.Auto.String()})
			}
			if a.json {
				return errors.Join(a.printJSON(list), err)
			}
			w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
			if len(list) > 0 {
				fmt.Fprintln(w, "CONN\tINTERFACE\tIF_ID\tLEFT\tRIGHT\tAUTO")
			}
			for _, l := range list {
				link, id := "-", "-"
				if l.IfID != 0 {
					link, id = l.Link, fmt.Sprint(l.IfID)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, link, id, l.Left, l.Right, l.Auto)
			}
			return errors.Join(w.Flush(), err)
		},
	}
}
