package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/spf13/cobra"
)

// resolvedConn is the JSON form of a conn section. The keys of config setup belong
// to no conn and are only in the text form.
type resolvedConn struct {
	Name string            `json:"name"`
	Keys map[string]string `json:"keys"` // canonical key -> raw value
}

func (a *app) confCommand() *cobra.Command {
	return &cobra.Command{
		Use: "conf [NAME...]", Short: "Print the sections with includes, also= and %default resolved",
		Long: `Prints every conn, or those named, with all keys that apply to it: nothing is
left to include or to merge. The output is a configuration that means the same.`,
		RunE: func(_ *cobra.Command, names []string) error {
			f, ds := a.load()
			a.warn(ds)
			if err := ds.Err(); err != nil {
				return err
			}
			if err := haveConns(f, names); err != nil {
				return err
			}
			if !a.json {
				return f.Format(a.out, names...)
			}
			return a.printJSON(resolvedSections(f, names))
		},
	}
}

// haveConns returns an error for each name that is no conn of the file.
func haveConns(f *conn.File, names []string) error {
	var errs []error
	for _, name := range names {
		if !slices.ContainsFunc(f.Sections, func(s conn.Section) bool { return s.Name == name }) {
			errs = append(errs, fmt.Errorf("%s: no conn %q", f.Name, name))
		}
	}
	return errors.Join(errs...)
}

// resolvedSections returns the named conns, all of them without names. Of
// several conns of one name the first counts.
func resolvedSections(f *conn.File, names []string) []resolvedConn {
	list := []resolvedConn{}
	seen := map[string]bool{}
	for i := range f.Sections {
		s := &f.Sections[i]
		if seen[s.Name] || len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		seen[s.Name] = true
		r := resolvedConn{s.Name, map[string]string{}}
		for _, kv := range s.Keys {
			r.Keys[kv.Key] = kv.Value
		}
		list = append(list, r)
	}
	return list
}
