package main

import (
	"context"
	"errors"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/spf13/cobra"
)

func (a *app) gcCommand() *cobra.Command {
	var dryRun, force bool
	cmd := &cobra.Command{
		Use: "gc", Short: "Take away what is left over: made by ipsecif and wanted by no conn that is up", Args: cobra.NoArgs,
		Example: "  ipsecif gc --dry-run",
		RunE: func(*cobra.Command, []string) error {
			f, ds := a.load()
			conns, more := f.Conns()
			ds = append(ds, more...)
			a.warn(ds)
			if err := ds.Err(); err != nil && !force {
				return errors.Join(err, errors.New("without the whole configuration it is not known which interfaces are in use; use --force to take away all that is left over"))
			}
			return a.withEngine(conf.ExtentOf(f), nil, func(e *updown.Engine) error {
				if dryRun {
					return a.leftovers(e, withInterface(conns), force)
				}
				p, err := a.finish(e, func() (plan.Plan, error) {
					if force {
						return e.CollectAll()
					}
					return e.Collect(withInterface(conns))
				})
				if err != nil {
					return err
				}
				return errors.Join(a.report(nil, nil, p), a.resolvers().Settle(context.Background(), e.IsUp))
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done, as ip(8) commands, and change nothing")
	cmd.Flags().BoolVar(&force, "force", false, "also interfaces that are in use: of conns of the file that are not up, or with SAs")
	return cmd
}

// leftovers prints what gc would do.
func (a *app) leftovers(e *updown.Engine, conns []conn.Conn, force bool) error {
	p, err := e.Leftovers(conns, force)
	return a.planned(nil, p, err)
}
