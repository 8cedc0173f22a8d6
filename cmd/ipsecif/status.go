package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/spf13/cobra"
)

func (a *app) statusCommand() *cobra.Command {
	var all, drift, prometheus bool
	cmd := &cobra.Command{
		Use: "status [CONN... | --all]", Short: "Compare the kernel with what is up",
		Args: func(*cobra.Command, []string) error {
			if prometheus && (drift || a.json) {
				return errors.New("status prints one of --prometheus, --drift and --json")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			// An error in the file is no reason to say nothing about what is up.
			f, ds := a.load()
			conns, more := f.Conns()
			ds = append(ds, more...)
			a.warn(ds)
			err := a.withEngine(conf.ExtentOf(f), nil, func(e *updown.Engine) error {
				s, err := a.compare(e, f, withInterface(conns), ds.Err() == nil, args)
				if err != nil {
					return err
				}
				if prometheus {
					return a.printMetrics(e, s, ds.Err() == nil)
				}
				print := a.printStatus
				if drift {
					print = a.printDrift
				}
				if err := print(s); err != nil {
					return err
				}
				if s.Differs() {
					return errDifference
				}
				return nil
			})
			if invalid := ds.Err(); prometheus && err == nil && invalid != nil {
				a.complain(invalid) // which is a metric, too
				return nil
			}
			if ds.Err() != nil && errors.Is(err, errDifference) {
				err = nil // the errors say more
			}
			return errors.Join(err, ds.Err())
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every conn, as without a name")
	cmd.Flags().BoolVar(&drift, "drift", false, "only what differs, one line for each object")
	cmd.Flags().BoolVar(&prometheus, "prometheus", false, "metrics for the textfile collector of Prometheus")
	return cmd
}

// compare returns the state of the named conns, of all without names. The conns
// are those of the file, complete if nothing in it is wrong.
func (a *app) compare(e *updown.Engine, f *conn.File, conns []conn.Conn, complete bool, names []string) (updown.Status, error) {
	claimed, err := e.Claimed()
	if err != nil {
		return updown.Status{}, err
	}
	e.Names = lookup(slices.DeleteFunc(slices.Clone(conns), func(c conn.Conn) bool { return !slices.Contains(claimed, c.Name) }))
	s, err := e.Status(conns, complete)
	if err != nil || len(names) == 0 {
		return s, err
	}
	return only(s, f, names)
}

// only returns the state of the named conns.
func only(s updown.Status, f *conn.File, names []string) (updown.Status, error) {
	var known, found []string
	for _, c := range s.Conns {
		known = append(known, c.Name)
	}
	var errs []error
	for _, name := range names {
		ms := members(f, name, known)
		if len(ms) == 0 {
			errs = append(errs, fmt.Errorf("no conn %q is up, and %s has none of that name with an interface", name, f.Name))
		}
		found = append(found, ms...)
	}
	return s.Only(found), errors.Join(errs...)
}

func (a *app) printStatus(s updown.Status) error {
	if a.json {
		return a.printJSON(s)
	}
	if len(s.Conns)+len(s.Leftovers)+len(s.Displaced) == 0 {
		_, err := fmt.Fprintln(a.out, "no conn is up, and the configuration has none with an interface")
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for i, c := range s.Conns {
		if i > 0 && (len(c.Objects) > 0 || len(s.Conns[i-1].Objects) > 0) {
			fmt.Fprintln(w)
		}
		printConn(w, c)
	}
	if len(s.Leftovers) > 0 {
		fmt.Fprintln(w, "left over, wanted by no conn (`ipsecif gc` takes it away):")
		printObjects(w, s.Leftovers)
	}
	if len(s.Displaced) > 0 {
		fmt.Fprintln(w, "made by others, put back when no conn needs the place any more:")
		for _, command := range s.Displaced {
			fmt.Fprintf(w, "  %s\n", command)
		}
	}
	return w.Flush()
}

func printConn(w *tabwriter.Writer, c updown.ConnStatus) {
	fmt.Fprintf(w, "%s: %s\n", c.Name, c.Condition)
	if c.Condition == updown.Down {
		return
	}
	link := c.Link
	if c.Wished != "" {
		link += " (configured as " + c.Wished + ")"
	}
	if c.VRF != "" {
		link += " in VRF " + c.VRF
	} else if c.Netns != "" {
		link += " in network namespace " + c.Netns
	}
	if c.IfID != 0 {
		link += fmt.Sprintf(", if_id %d", c.IfID)
	}
	if c.Link == "" {
		fmt.Fprintf(w, "  policy-based, claimed by %s\n  peer: %s\n", c.Owner, c.Peer)
	} else {
		fmt.Fprintf(w, "  interface: %s, claimed by %s\n", link, c.Owner)
		fmt.Fprintf(w, "  peer: %s; scheme: %s; on-loss: %s\n", c.Peer, c.Scheme, c.OnLoss)
	}
	if c.MTU != nil {
		fmt.Fprintf(w, "  mtu: %s\n", c.MTU)
	}
	for _, p := range c.Problems {
		fmt.Fprintf(w, "  problem: %s\n", p)
	}
	for _, text := range c.Warnings {
		fmt.Fprintf(w, "  warning: %s\n", text)
	}
	printObjects(w, c.Objects)
	if c.Condition == updown.Drift && len(c.Problems) == 0 && c.Owner == updown.Admin {
		fmt.Fprintf(w, "  `ipsecif up %s` repairs it\n", c.Name)
	}
	if len(c.Bypass) > 0 {
		fmt.Fprintf(w, "  comes before the tunnel: %s\n", strings.Join(c.Bypass, "; "))
	}
}

func printObjects(w *tabwriter.Writer, objects []updown.ObjectStatus) {
	for _, o := range objects {
		fmt.Fprintf(w, "  %s\t%s\n", o.Condition, o.Object)
		if o.Have != "" {
			fmt.Fprintf(w, "  \tthere is: %s\n", o.Have)
		}
	}
}
