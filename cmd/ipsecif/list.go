package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// listed is the JSON form of a line of `list`.
type listed struct {
	Name  string `json:"name"`
	Where string `json:"where"`
	Link  string `json:"link,omitempty"` // empty for a conn without interface
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
				list = append(list, listed{c.Name, c.Pos.String(), c.Link(), c.Interface.IfID, c.Left.Host.String(), c.Right.Host.String(), c.Auto.String()})
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
				if l.Link != "" {
					link = l.Link
				}
				if l.IfID != 0 {
					id = fmt.Sprint(l.IfID)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, link, id, l.Left, l.Right, l.Auto)
			}
			return errors.Join(w.Flush(), err)
		},
	}
}
