package conn

import (
	"fmt"
	"path"
	"strings"
)

// Codes of Lint.
const (
	CodeStockUpdown    = "stock-updown"     // libreswan's own hook works against ipsecif
	CodeManagedByPluto = "managed-by-pluto" // pluto makes and removes the device itself
	CodeInterfaceClash = "interface-clash"  // two conns pair a device and an if_id differently
)

// ownFile is the name of the file that no IKE daemon reads.
const ownFile = "ipsecif.conf"

// Lint looks for what is valid and yet costs its user hours. The conns are
// those of File.Conns.
func (f *File) Lint(conns []Conn) Diagnostics {
	setup, _ := f.Settings()
	var ds Diagnostics
	warnedManaged := false
	for i := range conns {
		c := &conns[i]
		if c.Interface.IfID == 0 || path.Base(c.Pos.File) == ownFile {
			continue
		}
		if setup.InterfaceManaged && !warnedManaged {
			warnedManaged = true
			ds = append(ds, c.warning("ipsec-interface", CodeManagedByPluto,
				"pluto makes and removes the device itself, and takes addresses and routes with it",
				"set ipsec-interface-managed=no in config setup if ipsecif is to own it"))
		}
		ds = append(ds, c.lintUpdown()...)
	}
	ds = append(ds, lintInterfaces(conns)...)
	ds.sort(f.order)
	return ds
}

func (c *Conn) warning(key, code, text, hint string) Diagnostic {
	return Diagnostic{Pos: c.KeyPos(key), Severity: Warning, Code: code, Conn: c.Name, Key: key, Text: text, Hint: hint}
}

// lintUpdown warns of libreswan's own hook, which adds routes and rules of its
// own for a device that it did not make.
func (c *Conn) lintUpdown() Diagnostics {
	var ds Diagnostics
	for _, s := range []Side{Left, Right} {
		if strings.HasPrefix(c.End(s).Updown.Command, DefaultUpdown) {
			key := s.String() + "updown"
			ds = append(ds, c.warning(key, CodeStockUpdown,
				"libreswan's own hook adds and deletes routes and rules beside those of ipsecif where this end is local",
				"set "+key+"=%disabled"))
		}
	}
	return ds
}

// lintInterfaces finds conns that cannot be up together, because they pair a
// device and an if_id differently.
func lintInterfaces(conns []Conn) Diagnostics {
	var ds Diagnostics
	byID := map[uint32]*Conn{}
	byName := map[string]*Conn{}
	for i := range conns {
		c := &conns[i]
		if c.Interface.IfID == 0 {
			continue
		}
		text := ""
		if other := byID[c.Interface.IfID]; other != nil && other.Interface.Name != c.Interface.Name {
			text = fmt.Sprintf("if_id %d is for %s here and for %s in conn %q (%s)", c.Interface.IfID, c.Interface.Name, other.Interface.Name, other.Name, other.Pos)
		} else if other := byName[c.Interface.Name]; other != nil && other.Interface.IfID != c.Interface.IfID {
			text = fmt.Sprintf("%s has if_id %d here and if_id %d in conn %q (%s)", c.Interface.Name, c.Interface.IfID, other.Interface.IfID, other.Name, other.Pos)
		}
		if text != "" {
			ds = append(ds, Diagnostic{Pos: c.KeyPos("ipsec-interface"), Severity: Error, Code: CodeInterfaceClash, Conn: c.Name, Key: "ipsec-interface", Text: text})
			continue
		}
		byID[c.Interface.IfID], byName[c.Interface.Name] = c, c
	}
	return ds
}
