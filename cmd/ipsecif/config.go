package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/conf"
)

// configFiles are tried in this order without --config.
var configFiles = []string{"/etc/ipsecif.conf", "/etc/ipsec.conf"}

// load reads the configuration.
func (a *app) load() (*conn.File, conn.Diagnostics) { return a.loadFrom(conf.Host{}) }

// loadFrom reads the configuration from some files.
func (a *app) loadFrom(files conn.FS) (*conn.File, conn.Diagnostics) {
	return conn.Load(files, a.file(files))
}

// file returns the name of the file to read.
func (a *app) file(files conn.FS) string {
	if a.config != "" {
		return a.config
	}
	for _, f := range configFiles {
		if _, err := files.Stat(f); err == nil {
			return f
		}
	}
	return configFiles[len(configFiles)-1]
}

// warn prints the warnings of a list.
func (a *app) warn(ds conn.Diagnostics) {
	for _, d := range ds {
		if d.Severity == conn.Warning {
			fmt.Fprintf(a.err, "ipsecif: warning: %s\n", d)
		}
	}
}

// conns returns the named conns of the configuration, or with all those that
// have an interface. Every error in the configuration is returned: the
// IKE daemon would not read such a file either.
func (a *app) conns(names []string, all bool) (*conn.File, []conn.Conn, error) {
	f, ds := a.load()
	_, more := f.Settings()
	ds = append(ds, more...)
	a.warn(ds)
	if err := ds.Err(); err != nil {
		return f, nil, err
	}
	if all {
		found, ds := f.Conns()
		a.warn(ds)
		return f, withInterface(found), ds.Err()
	}
	var found []conn.Conn
	var errs []error
	seen := map[string]bool{}
	for _, name := range names {
		cs, ds := f.Lookup(name)
		a.warn(ds)
		if err := ds.Err(); err != nil {
			errs = append(errs, err)
		} else if len(cs) == 0 {
			errs = append(errs, noConn(f, name))
		}
		for _, c := range cs { // of which another name may stand for some too
			if !seen[c.Name] {
				found = append(found, c)
			}
			seen[c.Name] = true
		}
	}
	return f, found, errors.Join(errs...)
}

// noConn says why a name stands for no conn: there is none, or its section has
// not both ends and serves other conns by also= alone.
func noConn(f *conn.File, name string) error {
	for i := range f.Sections {
		if s := &f.Sections[i]; s.Name == name {
			return fmt.Errorf("%s: conn %q: left= or right= is missing", s.Pos, name)
		}
	}
	return fmt.Errorf("%s: no conn %q", f.Name, name)
}

// withInterface drops the conns that have none, from the list itself.
func withInterface(conns []conn.Conn) []conn.Conn {
	return slices.DeleteFunc(conns, func(c conn.Conn) bool { return c.Link() == "" })
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
