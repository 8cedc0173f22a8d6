package main

import (
	"io"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The manual pages: of the program, of its command updown, and of what its daemon
// offers on the bus.
const (
	manual       = "ipsecif.8"
	updownManual = "ipsecif-updown.8"
	dbusManual   = "ipsecif-dbus.7"
)

// TestManualForm checks the manual pages with mandoc, which must be installed.
func TestManualForm(t *testing.T) {
	out, err := exec.Command("mandoc", "-Tlint", "-Wwarning", manual, updownManual, dbusManual).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

// items returns the words of the .It lines of a section of a manual page.
func items(t *testing.T, page, section string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n.Sh "+section+"\n")
	if !ok {
		t.Fatalf("%s has no section %s", page, section)
	}
	rest, _, _ = strings.Cut(rest, "\n.Sh ")
	var words []string
	for _, line := range regexp.MustCompile(`(?m)^\.It .*$`).FindAllString(rest, -1) {
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// TestManualCommands checks that the manual page describes every command and
// every flag, and no other command.
func TestManualCommands(t *testing.T) {
	ran := false
	root := (&app{out: io.Discard, err: io.Discard}).root(&ran)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("version")
	described := items(t, manual, "COMMANDS")
	global := items(t, manual, "DESCRIPTION")
	var names []string
	for _, c := range root.Commands() {
		if c.Hidden {
			continue
		}
		names = append(names, c.Name())
		if !slices.Contains(described, c.Name()) {
			t.Errorf("%s does not describe the command %s", manual, c.Name())
		}
		if c.Name() != "completion" { // cobra's own, which has help for its flags
			walkFlags(t, c, described)
		}
	}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(global, f.Name) {
			t.Errorf("%s does not describe the option --%s", manual, f.Name)
		}
	})
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\bipsecif (?:--\S+ (?:[^-\s]\S* )?)*([a-z]+) `).FindAllSubmatch(text, -1) {
		if !slices.Contains(names, string(m[1])) {
			t.Errorf("%s mentions %q, but there is no such command", manual, m[0])
		}
	}
	for i, word := range described {
		if i > 0 && word == "Cm" && described[i-1] == ".It" && !slices.Contains(names, described[i+1]) {
			t.Errorf("%s describes the command %s, which does not exist", manual, described[i+1])
		}
	}
}

// walkFlags checks the flags of a command and of those below it.
func walkFlags(t *testing.T, c *cobra.Command, described []string) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(described, f.Name) && f.Name != "help" {
			t.Errorf("%s does not describe the option --%s of %s", manual, f.Name, c.CommandPath())
		}
	})
	for _, below := range c.Commands() {
		if !slices.Contains(described, below.Name()) {
			t.Errorf("%s does not describe the command %s", manual, below.CommandPath())
		}
		walkFlags(t, below, described)
	}
}

// TestManualJSON checks that the manual page names every field of the objects
// that --json prints.
func TestManualJSON(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n.Sh JSON\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	words := strings.Fields(section)
	seen := 0
	for _, v := range []any{finding{}, listed{}, resolvedConn{}, planned{}, updown.Status{}, rendered{}, installed{}} {
		seen += checkFields(t, reflect.TypeOf(v), words)
	}
	if seen < 30 {
		t.Errorf("checked %d fields only", seen)
	}
}

func checkFields(t *testing.T, typ reflect.Type, words []string) int {
	if typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
		return checkFields(t, typ.Elem(), words)
	}
	if typ.Kind() != reflect.Struct {
		return 0
	}
	n := 0
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		n += 1 + checkFields(t, f.Type, words)
		if f.IsExported() && !f.Anonymous && name != "-" && !slices.Contains(words, name) {
			t.Errorf("%s does not describe the field %q of %s", manual, name, typ)
		}
	}
	return n
}
