package main

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/systemd/networkd"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/spf13/cobra"
)

func (a *app) networkdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "networkd", Short: "Let systemd-networkd make the interfaces of conns",
		Long: `Writes what ipsecif would make of conns as files of systemd-networkd, which makes
it then, also when the host starts. ` + "`ipsecif up` uses what networkd has made.",
		Run: neverRun,
	}
	cmd.AddCommand(a.renderCommand(), a.installCommand(), a.removeCommand())
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
	if err != nil {
		return networkd.Rendering{}, err
	}
	under, err := offloading(e, conns, claims)
	if err != nil {
		return networkd.Rendering{}, err
	}
	return networkd.Render(networkd.Request{Claims: claims, Want: want, Under: under})
}

// offloading returns the devices that interfaces of conns with nic-offload= are
// to be bound to: that with the local address, which the IKE daemon gives ESP to.
func offloading(e *updown.Engine, conns []conn.Conn, claims []plan.Claim) (map[string]networkd.Under, error) {
	offload := map[string]bool{}
	for _, c := range conns {
		offload[c.Name] = c.NICOffload != conn.OffloadNo
	}
	claims = slices.DeleteFunc(slices.Clone(claims), func(c plan.Claim) bool { return !offload[c.Name] })
	if len(claims) == 0 {
		return nil, nil
	}
	locals, err := e.Locals(conns)
	if err != nil {
		return nil, err
	}
	under := map[string]networkd.Under{}
	for _, c := range claims {
		i := slices.IndexFunc(locals.Addrs, func(l conn.LocalAddr) bool { return l.Addr == c.Tunnel.Local })
		if i < 0 {
			return nil, plan.Problem{Claim: c.Name, Where: c.Where, Text: "nic-offload: the device to bind the interface to is not known, as the local address is not"}
		}
		dev := locals.Addrs[i].Dev
		links, err := networkd.Client{}.Links(context.Background(), []string{dev})
		if err != nil {
			return nil, fmt.Errorf("asking for the .network file of %s, which nic-offload= of conn %q is about: %w", dev, c.Name, err)
		}
		if links[dev].Network == "" {
			return nil, plan.Problem{Claim: c.Name, Where: c.Where, Text: "nic-offload: systemd-networkd has no .network file for " + dev + ", so it makes no interface on it"}
		}
		under[c.Tunnel.Link] = networkd.Under{Link: dev, Network: links[dev].Network}
	}
	return under, nil
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
