package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/systemd/networkd"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/lock"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/spf13/cobra"
)

func (a *app) installCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "install {CONN... | --all}", Short: "Put the files where systemd-networkd reads them, and wait until it has made the interfaces", Args: names(&all),
		Example: "  ipsecif networkd install north-east && ipsecif up north-east",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withConns(args, all, func(e *updown.Engine, conns []conn.Conn) error {
				return a.install(e, conns)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every conn with an interface and a local end")
	return cmd
}

func (a *app) removeCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "remove {CONN... | --all}", Short: "Take the files away, and the interfaces that systemd-networkd has made of them", Args: names(&all),
		Example: "  ipsecif networkd remove north-east",
		RunE: func(_ *cobra.Command, args []string) error {
			// What is installed can be removed whatever became of the file.
			f, ds := a.load()
			return a.withEngine(conf.ExtentOf(f), nil, func(e *updown.Engine) error {
				return errors.Join(a.remove(e, args, all), ds.Err())
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all files of ipsecif")
	return cmd
}

// install puts the files of conns in place, with those of conns that share them.
func (a *app) install(e *updown.Engine, conns []conn.Conn) error {
	l, before, err := a.beginNetworkd()
	if err != nil {
		return err
	}
	defer l.Release()
	given := namesOf(conns)
	sharing := networkd.Sharing(before, linksOf(conns))
	others := slices.DeleteFunc(sharing, func(name string) bool { return slices.Contains(given, name) })
	_, more, err := a.conns(others, false)
	if err != nil {
		return fmt.Errorf("files of these conns are those of others, too; `ipsecif networkd remove` takes those out: %w", err)
	}
	conns = append(conns, more...)
	r, err := a.render(e, conns)
	if err == nil {
		err = obstacles(e, conns, networkd.Installed(before, namesOf(conns)))
	}
	if err != nil {
		return err
	}
	return a.apply(e, conns, r, networkd.Obsolete(before, r.Files, namesOf(conns)))
}

// remove takes the files of conns away. Those that are for other conns, too, are
// written again for them.
func (a *app) remove(e *updown.Engine, names []string, all bool) error {
	l, before, err := a.beginNetworkd()
	if err != nil {
		return err
	}
	defer l.Release()
	files, gone, kept := networkd.Pick(before, func(c string) bool { return all || standsFor(names, c) })
	var errs []error
	for _, name := range names {
		if !slices.ContainsFunc(gone, func(c string) bool { return standsFor([]string{name}, c) }) {
			errs = append(errs, fmt.Errorf("%s has no file of conn %q", networkd.Dir, name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, conns, err := a.conns(kept, false)
	if err != nil {
		return fmt.Errorf("files of these conns are those of others, too: %w", err)
	}
	r, err := a.render(e, conns)
	if err != nil {
		return err
	}
	return a.apply(e, conns, r, files)
}

// standsFor reports whether one of the names on a command line is that of a conn,
// or of the section that it comes from.
func standsFor(names []string, c string) bool {
	section, _ := conn.SectionOf(c)
	return slices.Contains(names, c) || slices.Contains(names, section)
}

func linksOf(conns []conn.Conn) []string {
	var links []string
	for i := range conns {
		links = append(links, conns[i].Link())
	}
	return links
}

// beginNetworkd keeps other processes from changing the files, and returns them.
func (a *app) beginNetworkd() (*lock.Lock, map[string]string, error) {
	if err := os.MkdirAll(a.stateDir, 0o700); err != nil {
		return nil, nil, err
	}
	l, err := lock.Take(filepath.Join(a.stateDir, "networkd.lock"), lock.Patience)
	if err != nil {
		return nil, nil, err
	}
	files, err := networkd.Directory(networkd.Dir).Ours()
	if err != nil {
		l.Release()
	}
	return l, files, err
}

// apply changes the files, and prints what became of them.
func (a *app) apply(e *updown.Engine, conns []conn.Conn, r networkd.Rendering, gone []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), endings...)
	defer stop()
	i := networkd.Installer{
		Dir: networkd.Dir, Kernel: e.Kernel,
		Verify: func() error { return missing(e, conns) },
		Trace:  func(step string) { fmt.Fprintf(a.err, "[#] %s\n", step) },
	}
	done, err := i.Install(ctx, r.Files, gone)
	if err != nil {
		return err
	}
	a.note(r.Notes)
	if a.json {
		return a.printJSON(installed{nonNil(done.Written), nonNil(done.Removed), nonNil(done.Deleted), r.Notes})
	}
	if done.Empty() {
		_, err := fmt.Fprintln(a.out, "nothing to do")
		return err
	}
	for _, name := range done.Written {
		fmt.Fprintln(a.out, filepath.Join(networkd.Dir, name)+": in place")
	}
	for _, name := range done.Removed {
		fmt.Fprintln(a.out, filepath.Join(networkd.Dir, name)+": removed")
	}
	return nil
}

// installed is the JSON form of a report.
type installed struct {
	Written []string `json:"written"` // names of files
	Removed []string `json:"removed"`
	Deleted []string `json:"deleted"` // names of interfaces
	Notes   []string `json:"notes,omitempty"`
}

func nonNil(list []string) []string { return append([]string{}, list...) }

// obstacles returns an error for each object of somebody else that stands where
// conns need another one. What networkd has on the interfaces that it made for
// them gives way.
func obstacles(e *updown.Engine, conns []conn.Conn, installed []string) error {
	p, err := e.Plan(conns)
	if err != nil && len(p.Conflicts) == 0 {
		return err
	}
	var errs []error
	for _, c := range p.Conflicts {
		if networkd.GivesWay(c.Have, installed) {
			continue
		}
		errs = append(errs, c)
	}
	return errors.Join(errs...)
}

// missing returns an error as long as networkd has not made what it can make for
// conns.
func missing(e *updown.Engine, conns []conn.Conn) error {
	if len(conns) == 0 {
		return nil
	}
	p, err := e.Plan(conns)
	if err != nil {
		return err
	}
	var left []string
	for _, op := range p.Ops {
		if networkd.Makes(op.Object, linksOf(conns)) && op.Verb != plan.Del {
			left = append(left, op.String())
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("systemd-networkd has not done this: %s", strings.Join(left, "; "))
	}
	return nil
}
