// Package conf keeps an index of the configuration on disk. A hook of an IKE
// daemon is about one conn and must not read thousands: it finds in the index
// what the configuration says of that one, and of all of them together.
//
// The index holds for as long as every name that was looked at, for files,
// directories and what was missing, stands for what it stood for. It is nothing
// but a shorter way: where it cannot be read or written, everything is read.
package conf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/lock"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Extent is what a configuration uses as a whole.
type Extent struct {
	Conns   int          // how many sections of that kind there are
	Managed plan.Managed // tables and priorities
	Netns   []string     // network namespaces
}

// ExtentOf returns the extent of a configuration. As few conns have keys about
// places and namespaces, few are built.
func ExtentOf(f *conn.File) Extent {
	setup, _ := f.Settings()
	e := Extent{Conns: len(f.Sections), Managed: plan.Managed{plan.PlaceOf(&conn.Conn{Own: conn.Own{Table: setup.Table, RulePriority: setup.RulePriority}})}}
	for i := range f.Sections {
		s := &f.Sections[i]
		if !slices.ContainsFunc(s.Keys, func(kv conn.KeyValue) bool {
			return kv.Key == "table" || kv.Key == "rule-priority" || kv.Key == "netns"
		}) {
			continue
		}
		conns, _ := f.Lookup(s.Name)
		for i := range conns {
			e.Managed = append(e.Managed, plan.PlacesOf(&conns[i])...)
			if conns[i].Netns != "" {
				e.Netns = append(e.Netns, conns[i].Netns)
			}
		}
	}
	slices.SortFunc(e.Managed, plan.ComparePlaces)
	e.Managed = slices.Compact(e.Managed)
	slices.Sort(e.Netns)
	e.Netns = slices.Compact(e.Netns)
	return e
}

// Index is the index in a state directory.
type Index struct {
	path   string
	settle time.Duration // for which a file has to be as it is
}

// Open returns the index in a directory, which is made when it is missing.
func Open(dir string) *Index { return &Index{filepath.Join(dir, "conf.db"), 2 * time.Second} }

// Load is one way to read a configuration, from the files that it is given.
type Load func(conn.FS) (*conn.File, conn.Diagnostics)

// Read returns a File whose Settings, and whose Lookup of a name, tell what load
// has them tell, and the extent of the whole. Key stands for what load depends on
// beside the files. When load finds errors, it returns what load does.
func (x *Index) Read(key, name string, load Load) (*conn.File, Extent, conn.Diagnostics) {
	if f, e, ok := x.find(key, name); ok {
		return f, e, nil
	}
	w := &witness{seen: map[stamp]bool{}}
	_, _ = w.Stat(program) // areSettled looks at the answer
	start := time.Now()
	f, ds := load(w)
	e := ExtentOf(f)
	if ds.Err() == nil && w.areSettled(start.Add(-x.settle)) {
		x.build(head{Key: key, Stamps: w.stamps, Extent: e, Frame: f.PackFrame()}, f)
	}
	return f, e, ds
}

// head is the head of the table, as JSON.
type head struct {
	Key    string
	Stamps []stamp
	Extent Extent
	Frame  []byte // of the File
}

// find returns what the index tells, if it is there and holds.
func (x *Index) find(key, name string) (f *conn.File, e Extent, ok bool) {
	file, err := os.Open(x.path)
	if err != nil {
		return nil, e, false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, e, false
	}
	return findIn(&table{from: file, size: info.Size()}, key, name)
}

func findIn(t *table, key, name string) (f *conn.File, e Extent, ok bool) {
	if err := t.readHead(); err != nil {
		return nil, e, false
	}
	var h head
	if json.Unmarshal(t.head, &h) != nil || h.Key != key || slices.ContainsFunc(h.Stamps, func(s stamp) bool { return !s.holds() }) {
		return nil, e, false
	}
	packed, err := t.get(name)
	if section, ok := conn.SectionOf(name); ok && packed == nil && err == nil {
		packed, err = t.get(section)
	}
	var conns [][]byte
	if packed != nil {
		conns = append(conns, packed)
	}
	if err == nil {
		f, err = conn.Unpack(h.Frame, conns...)
	}
	return f, h.Extent, err == nil
}

// build writes the index. Of several processes that find it missing one does.
// Who cannot leaves it to the next.
func (x *Index) build(h head, f *conn.File) {
	if os.MkdirAll(filepath.Dir(x.path), 0o755) != nil {
		return
	}
	l, err := lock.Take(x.path+".lock", 0)
	if err != nil {
		return
	}
	defer l.Release()
	text, err := json.Marshal(h)
	if err != nil {
		return
	}
	if content := newTable(text, len(f.Sections), f.PackConns()); content != nil {
		_ = replaceFile(x.path, 0o600, content)
	}
}
