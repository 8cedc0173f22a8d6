package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/spf13/cobra"
)

// planned is the JSON form of a plan.
type planned struct {
	Conns     []string         `json:"conns"`             // the names of those it is for
	Ops       []plannedOp      `json:"ops"`               // empty when there are conflicts
	MTUs      []plan.TunnelMTU `json:"mtus,omitempty"`    // of the links with link-mtu=auto, how they are computed
	Waiting   []string         `json:"waiting,omitempty"` // conns whose routes wait for an SA
	Conflicts []string         `json:"conflicts,omitempty"`
	Warnings  []string         `json:"warnings,omitempty"`
	Notes     []string         `json:"notes,omitempty"` // about what others made
}

type plannedOp struct {
	Verb    string `json:"verb"`    // add, set, replace or del
	Command string `json:"command"` // the command that would do the same
}

// printPlan prints the operations of a plan. With conflicts there are none: a
// part of a plan is no plan, and somebody may pipe it into a shell.
func (a *app) printPlan(conns []string, p plan.Plan) error {
	j := planned{Conns: append([]string{}, conns...), Ops: []plannedOp{}, MTUs: p.MTUs, Waiting: p.Waiting}
	for _, c := range p.Conflicts {
		j.Conflicts = append(j.Conflicts, c.Text)
	}
	for _, w := range p.Warnings {
		j.Warnings = append(j.Warnings, w.Text)
	}
	for _, op := range p.Ops {
		if len(p.Conflicts) == 0 {
			j.Ops = append(j.Ops, plannedOp{op.Verb.String(), op.String()})
		}
	}
	if len(p.Conflicts) == 0 {
		j.Notes = p.Notes
	}
	if a.json {
		return a.printJSON(j)
	}
	for _, m := range j.MTUs {
		fmt.Fprintf(a.err, "ipsecif: mtu of %s: %s\n", m.Link, m)
	}
	for _, op := range j.Ops {
		fmt.Fprintln(a.out, op.Command)
	}
	a.note(j.Notes)
	return nil
}

// note says what becomes of objects that others made.
func (a *app) note(notes []string) {
	for _, n := range notes {
		fmt.Fprintf(a.err, "ipsecif: %s\n", n)
	}
}

// planned prints a plan, and says by its error whether there is something to
// do.
func (a *app) planned(conns []string, p plan.Plan, err error) error {
	if err != nil && len(p.Conflicts) == 0 {
		return err
	}
	if err := errors.Join(err, a.printPlan(conns, p)); err != nil {
		return err
	}
	if !p.Empty() {
		return errDifference
	}
	if !a.json {
		fmt.Fprintln(a.err, "nothing to do")
	}
	return nil
}

// limitMemory lets memory be collected more often for many conns: until here
// most stays in use, from here on most is soon not used any more.
func limitMemory(conns int) {
	const once, each = 32 << 20, 6 << 10
	debug.SetMemoryLimit(once + each*int64(conns))
}

// withEngine calls do with an engine for the network namespace of the process and
// a configuration of some extent.
func (a *app) withEngine(extent conf.Extent, conns []conn.Conn, do func(*updown.Engine) error) error {
	k, err := kernel.Open()
	if err != nil {
		return err
	}
	defer k.Close()
	limitMemory(extent.Conns)
	return do(&updown.Engine{
		Kernel:  k,
		Store:   claim.Open(a.stateDir),
		Managed: extent.Managed,
		Netns:   extent.Netns,
		Names:   lookup(conns),
	})
}

// withConns calls do with an engine and the conns that a command line names;
// with all, those that have an end on this host.
func (a *app) withConns(args []string, all bool, do func(*updown.Engine, []conn.Conn) error) error {
	f, conns, err := a.conns(args, all)
	if err != nil {
		return err
	}
	return a.withEngine(conf.ExtentOf(f), conns, func(e *updown.Engine) error {
		locals, err := e.Locals(conns)
		if err != nil {
			return err
		}
		if all {
			var elsewhere []conn.Conn
			conns, elsewhere = e.Local(conns, locals)
			for _, c := range elsewhere {
				fmt.Fprintf(a.err, "ipsecif: %s: conn %q has no end on this host, left out\n", c.Pos, c.Name)
			}
		}
		a.warnOfRivals(f, conns, locals)
		return do(e, conns)
	})
}

// warnOfRivals says where libreswan itself would work on what ipsecif makes.
func (a *app) warnOfRivals(f *conn.File, conns []conn.Conn, locals conn.Locals) {
	for _, d := range f.Lint(conns, conn.HostFacts{Locals: locals}) {
		if d.Code == conn.CodeStockUpdown || d.Code == conn.CodeManagedByPluto {
			a.warn(conn.Diagnostics{d})
		}
	}
}

// warnOf prints what a plan has to say beside its operations.
func (a *app) warnOf(p plan.Plan) {
	for _, w := range p.Warnings {
		fmt.Fprintf(a.err, "ipsecif: warning: %s\n", w.Text)
	}
}

func (a *app) planCommand() *cobra.Command {
	var all, adopt bool
	cmd := &cobra.Command{
		Use: "plan {CONN... | --all}", Short: "Print what `up` would do, as ip(8) commands, and change nothing", Args: names(&all),
		Example: "  ipsecif plan north-east\n  ipsecif --json plan --all",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withConns(args, all, func(e *updown.Engine, conns []conn.Conn) error {
				e.Adopt = adopt
				p, err := e.Plan(conns)
				a.warnOf(p)
				return a.planned(namesOf(conns), p, err)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every conn with an interface and a local end")
	adoptFlag(cmd, &adopt)
	return cmd
}

func adoptFlag(cmd *cobra.Command, adopt *bool) {
	cmd.Flags().BoolVar(adopt, "adopt", false, "take the place of routes and rules of others; down puts them back")
}

func (a *app) upCommand() *cobra.Command {
	var all, adopt bool
	cmd := &cobra.Command{
		Use: "up {CONN... | --all}", Short: "Make interface, addresses, rules and routes of conns, or repair them", Args: names(&all),
		Example: "  ipsecif up north-east && ipsec up north-east",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withConns(args, all, func(e *updown.Engine, conns []conn.Conn) error {
				e.Adopt = adopt
				p, err := a.finish(e, func() (plan.Plan, error) { return e.Up(conns) })
				a.warnOf(p)
				if err != nil {
					return err
				}
				var up []string
				for _, c := range conns {
					text := c.Name + ": up on " + p.Links[c.Name]
					if id := c.Interface.IfID; id != 0 {
						text += fmt.Sprintf(" with if_id %d", id)
					}
					if slices.Contains(p.Waiting, c.Name) {
						text += ", without routes until there is an SA (on-loss=withdraw)"
					}
					up = append(up, text)
				}
				if p.Closes() && !a.json {
					fmt.Fprintln(a.err, "ipsecif: until the SAs are up at most the own LAN is reached, also by this session (on-loss=block)")
				}
				return a.report(namesOf(conns), up, p)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every conn with an interface and a local end")
	adoptFlag(cmd, &adopt)
	return cmd
}

func (a *app) downCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "down {CONN... | --all}", Short: "Take away what `up` made and no other conn needs", Args: names(&all),
		Example: "  ipsecif down north-east",
		RunE: func(_ *cobra.Command, args []string) error {
			// What is claimed can be taken down whatever became of the file.
			f, ds := a.load()
			return a.withEngine(conf.ExtentOf(f), nil, func(e *updown.Engine) error {
				names, conns, err := toDrop(f, e, args, all)
				if err != nil {
					return errors.Join(ds.Err(), err)
				}
				p, err := a.finish(e, func() (plan.Plan, error) { return e.Down(names, conns) })
				if err != nil {
					return err
				}
				a.reap(e, f, args, all)
				var down []string
				for _, name := range names {
					down = append(down, name+": down")
				}
				return a.report(names, down, p)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every conn that is up")
	return cmd
}

// toDrop returns the claims to give up, and the conns of the configuration
// that have none: what was made for them is cleaned up too.
func toDrop(f *conn.File, e *updown.Engine, args []string, all bool) (names []string, conns []conn.Conn, err error) {
	if all {
		names, err = e.Claimed()
		return names, nil, err
	}
	var errs []error
	for _, arg := range args {
		claimed, err := e.ClaimedAs(arg)
		errs = append(errs, err)
		found := members(f, arg, claimed)
		inFile, _ := f.Lookup(arg)
		switch {
		case len(found) > 0:
			names = append(names, found...)
		case len(inFile) > 0:
			names = append(names, arg)
			conns = append(conns, withInterface(inFile)...)
		default:
			errs = append(errs, fmt.Errorf("no conn %q is up, and %s has none of that name", arg, f.Name))
		}
	}
	return unique(names), conns, errors.Join(errs...)
}

// unique returns names without those that were there before.
func unique(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(name string) bool {
		was := seen[name]
		seen[name] = true
		return was
	})
}

func namesOf(conns []conn.Conn) []string {
	var names []string
	for _, c := range conns {
		names = append(names, c.Name)
	}
	return names
}

// report prints what became of the conns: a line for each, or JSON.
func (a *app) report(conns, lines []string, p plan.Plan) error {
	if a.json {
		return a.printPlan(conns, p)
	}
	a.note(p.Notes)
	changes := "nothing to do"
	if n := len(p.Ops); n > 0 {
		changes = plural(n, "change")
	}
	if len(lines) == 1 {
		_, err := fmt.Fprintf(a.out, "%s (%s)\n", lines[0], changes)
		return err
	}
	_, err := fmt.Fprintln(a.out, strings.Join(append(lines, changes), "\n"))
	return err
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
