package main

import (
	"errors"
	"fmt"
	"path"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/systemd/networkd"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/spf13/cobra"
)

func (a *app) networkdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "networkd", Short: "Let systemd-networkd make the interfaces of conns",
		Long: `Writes what ipsecif would make of conns as files of systemd-networkd, which makes
it then, also when the host starts. ` + "`ipsecif up` uses what networkd has made.",
		Run: neverRun,
	}
	cmd.AddCommand(a.renderCommand())
	return cmd
}

func (a *app) renderCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "render {CONN... | --all}", Short: "Print the files, and change nothing", Args: names(&all),
		Example: "  ipsecif networkd render north-east",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withConns(args, all, func(e *updown.Engine, conns []conn.Conn) error {
				r, err := a.render(e, conns)
				if err != nil {
					return err
				}
				return a.printRendering(r)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every conn with an interface and a local end")
	return cmd
}

// render returns the files of conns.
func (a *app) render(e *updown.Engine, conns []conn.Conn) (networkd.Rendering, error) {
	claims, want, err := e.Wanted(conns)
	r, refused := networkd.Render(networkd.Request{Claims: claims, Want: want})
	return r, errors.Join(err, refused)
}

// rendered is the JSON form of a rendering.
type rendered struct {
	Files []renderedFile `json:"files"`
	Notes []string       `json:"notes,omitempty"` // what `ipsecif up` adds
}

type renderedFile struct {
	Path  string   `json:"path"`
	Conns []string `json:"conns"` // that it is made from
	Text  string   `json:"text"`
}

func (a *app) printRendering(r networkd.Rendering) error {
	if a.json {
		j := rendered{Files: []renderedFile{}, Notes: r.Notes}
		for _, f := range r.Files {
			j.Files = append(j.Files, renderedFile{path.Join(networkd.Dir, f.Name), networkd.Sources(f.Text), f.Text})
		}
		return a.printJSON(j)
	}
	for _, f := range r.Files {
		if _, err := fmt.Fprintf(a.out, "-- %s --\n%s", path.Join(networkd.Dir, f.Name), f.Text); err != nil {
			return err
		}
	}
	a.note(r.Notes)
	return nil
}
