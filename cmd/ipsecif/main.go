// Command ipsecif manages the xfrm interfaces, addresses, routes and rules of
// route-based IPsec tunnels, as described by the conns of an ipsec.conf.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses, documented in README.md.
const (
	exitDone       = 0
	exitError      = 1
	exitUsage      = 2
	exitDifference = 3
)

// hookLink is the name of the link to the program that is the updown hook, for
// places that take a path and no arguments.
const hookLink = "updown"

// version is set by the Makefile from the top line of CHANGES.
var version = "devel"

// defaultStateDir is where claims are when nobody says otherwise.
const defaultStateDir = "/run/ipsecif"

// errDifference ends `plan`, `status` and `gc --dry-run` when there is something to do.
var errDifference = errors.New("difference")

// app has the global flags and the streams of one call.
type app struct {
	config   string
	json     bool
	stateDir string
	out, err io.Writer
	signal   syscall.Signal // came during a change; 0 for none
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == hookCommand {
		// What is done is too short to be worth waking other threads.
		runtime.GOMAXPROCS(1)
	} else {
		// A call is short and what it reads stays in use: collecting less often
		// makes large configurations a fifth faster and costs no memory to speak of.
		debug.SetGCPercent(400)
	}
	// A reader of the output that goes away must not end a change in the middle.
	signal.Ignore(syscall.SIGPIPE)
	a := &app{}
	args := os.Args[1:]
	if filepath.Base(os.Args[0]) == hookLink {
		args = append([]string{"updown"}, args...)
	}
	status := a.run(args, os.Stdout, os.Stderr)
	if a.signal != 0 {
		endBy(a.signal)
	}
	os.Exit(status)
}

// run does what the arguments say and returns the exit status.
func (a *app) run(args []string, stdout, stderr io.Writer) int {
	out := &output{w: stdout}
	a.out, a.err = out, stderr
	ran := false
	root := a.root(&ran)
	root.SetArgs(args)
	err := root.Execute()
	if out.err != nil {
		ran = true
		if errors.Is(err, errDifference) {
			err = nil
		}
		if !errors.Is(err, out.err) {
			err = errors.Join(err, out.err)
		}
	}
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errDifference):
		return exitDifference
	case !ran:
		fmt.Fprintf(stderr, "ipsecif: %v\nTry `ipsecif --help`.\n", err)
		return exitUsage
	}
	a.complain(err)
	return exitError
}

func (a *app) root(ran *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "ipsecif",
		Short: "Manage the xfrm interfaces, addresses, routes and rules of IPsec tunnels",
		Long: `ipsecif reads the conn sections of an ipsec.conf and makes the xfrm interfaces,
addresses, routes and rules that they ask for; and takes away exactly what it made.

Exit status: 0 done or in sync, 1 error, 2 wrong usage, 3 plan, status or gc --dry-run found a difference.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if c.HasSubCommands() {
				return fmt.Errorf("a command is missing after `%s`", c.CommandPath())
			}
			*ran = true
			return nil
		},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "`file` to read (default /etc/ipsecif.conf if it exists, else /etc/ipsec.conf)")
	flags.BoolVar(&a.json, "json", false, "print results as JSON")
	flags.StringVar(&a.stateDir, "state-dir", defaultStateDir, "`directory` of the claims; each network namespace needs its own")
	root.AddCommand(a.checkCommand(), a.listCommand(), a.confCommand(), a.planCommand(), a.upCommand(), a.downCommand(), a.statusCommand(), a.gcCommand(), a.daemonCommand(), a.updownCommand(), a.networkdCommand(), a.runHooksCommand(), a.versionCommand())
	strictUsage(root)
	return root
}

// strictUsage makes wrong usage of what `ipsecif` and `completion` alone and
// `help` would else be content with.
func strictUsage(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.Run = neverRun
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			c.Run = neverRun
		case "help":
			c.Args = func(_ *cobra.Command, args []string) error {
				if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return fmt.Errorf("no help for %q, which is no command", strings.Join(args, " "))
				}
				return nil
			}
		}
	}
	// Usage must not list a call that is refused.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if not .HasAvailableSubCommands}}", 1))
}

// neverRun keeps cobra from printing help for a command that has others below
// it and gets none: the check before every run refuses that.
func neverRun(*cobra.Command, []string) {}

// complain prints an error, one line for each that it joins.
func (a *app) complain(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			a.complain(e)
		}
		return
	}
	hint := ""
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		hint = " (are you root?)"
	}
	fmt.Fprintf(a.err, "ipsecif: %v%s\n", err, hint)
}

// names returns the arguments check of commands that take conns or --all.
func names(all *bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if *all == (len(args) > 0) {
			return fmt.Errorf("%s needs the names of conns, or --all", cmd.Name())
		}
		return nil
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(map[string]string{"version": version})
			}
			_, err := fmt.Fprintln(a.out, "ipsecif", version)
			return err
		},
	}
}
