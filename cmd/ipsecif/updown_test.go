package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// TestBaseOf asks what the configuration says of a conn, and wants to hear of what
// is wrong with it and no other.
func TestBaseOf(t *testing.T) {
	const ends = "\tleft=192.0.2.1\n\tright=192.0.2.2\n"
	for _, test := range []struct {
		name, text string
		table      uint32
		err        string // after the name of the file
	}{
		{"a conn", "conn a\n" + ends + "\ttable=70\n", 70, ""},
		{"no such conn", "config setup\n\ttable=71\nconn b\n" + ends, 71, ""},
		{"a wrong value", "conn a\n" + ends + "\ttable=x\n", 0, `:4:8: conn "a": table: "x" is not a number`},
		{"a wrong value in config setup", "config setup\n\ttable=x\nconn a\n" + ends, 0, `:2:8: table: "x" is not a number`},
		{"a wrong value in another conn", "conn a\n" + ends + "\ttable=70\nconn b\n" + ends + "\ttable=x\n", 70, ""},
		{"an unknown key", "conn a\n" + ends + "\ttable=70\n\ttabel=71\n", 0, `:5:2: conn "a": tabel: there is no such key, did you mean table?`},
		{"an unknown key in a template", "conn a\n" + ends + "\talso=b\nconn b\n\ttabel=71\n", 0, `:6:2: conn "b": tabel: there is no such key, did you mean table?`},
		{"an unknown key in config setup", "config setup\n\ttabel=71\nconn a\n" + ends, 0, `:2:2: tabel: there is no such key, did you mean table?`},
		{"an unknown key in another conn", "conn a\n" + ends + "\ttable=70\nconn b\n" + ends + "\ttabel=71\n", 70, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			a := &app{config: filepath.Join(dir, "x.conf"), stateDir: filepath.Join(dir, "state")}
			if err := os.WriteFile(a.config, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, base, err := a.baseOf("a")
			switch {
			case test.err == "" && (err != nil || base.Table != test.table):
				t.Errorf("%+v (%v), want the table %d", base, err, test.table)
			case test.err != "" && (err == nil || err.Error() != a.config+test.err):
				t.Errorf("error %v, want %s", err, a.config+test.err)
			}
		})
	}
}

// TestBaseOfIndexed asks until there is an index, and wants to be told the same
// with it as without it.
func TestBaseOfIndexed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := &app{config: filepath.Join(dir, "x.conf"), stateDir: filepath.Join(dir, "state")}
	text := "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\ttable=70\n"
	for i := range 100 {
		text += fmt.Sprintf("conn b%d\n\tleft=192.0.2.1\n\tright=192.0.2.3\n\tnetns=n%d\n\ttable=%d\n", i, i, 1000+i)
	}
	if err := os.WriteFile(a.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	extent, base, err := a.baseOf("a")
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(a.stateDir, "conf.db")); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
		if _, _, err := a.baseOf("a"); err != nil {
			t.Fatal(err)
		}
	}
	again, same, err := a.baseOf("a")
	if err != nil || !reflect.DeepEqual(again, extent) || !reflect.DeepEqual(same, base) || len(extent.Netns) != 100 {
		t.Errorf("with an index %+v %+v (%v), without %+v %+v", again, same, err, extent, base)
	}
}
