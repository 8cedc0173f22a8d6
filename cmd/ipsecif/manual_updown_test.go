package main

import (
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/admin"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/spf13/pflag"
)

// TestManualVariables checks that the manual page of the hook describes every
// variable that is read of each daemon, and no other.
func TestManualVariables(t *testing.T) {
	for daemon, section := range map[hook.Daemon]string{hook.Pluto: "VARIABLES OF PLUTO", hook.Charon: "VARIABLES OF CHARON"} {
		described := slices.Concat(variablesOf(t, "VARIABLES OF BOTH DAEMONS"), variablesOf(t, section), variablesOf(t, "FILES"))
		slices.Sort(described)
		if want := slices.Sorted(slices.Values(hook.Variables[daemon])); !slices.Equal(described, want) {
			t.Errorf("%s describes of %s:\n%q\nand these are read:\n%q", updownManual, daemon, described, want)
		}
	}
}

// variablesOf returns the environment variables that head entries of a section.
func variablesOf(t *testing.T, section string) []string {
	t.Helper()
	words := items(t, updownManual, section)
	var names []string
	for i, word := range words {
		if i > 0 && words[i-1] == "Ev" {
			names = append(names, word)
		}
	}
	return names
}

// TestManualUpdown checks that the manual page of the hook has its arguments, the
// files of defaults and the time limit.
func TestManualUpdown(t *testing.T) {
	described := items(t, updownManual, "ARGUMENTS")
	command := (&app{out: io.Discard, err: io.Discard}).updownCommand()
	command.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(described, f.Name) {
			t.Errorf("%s does not describe --%s", updownManual, f.Name)
		}
	})
	text, err := os.ReadFile(updownManual)
	if err != nil {
		t.Fatal(err)
	}
	limit := strings.TrimSuffix(hookLimit.String(), "s") + " seconds"
	for _, word := range append(slices.Concat(hook.DefaultsFiles, command.ValidArgs), limit) {
		if !strings.Contains(string(text), word) {
			t.Errorf("%s does not have %s", updownManual, word)
		}
	}
}

// TestManualEvent checks that the manual page of the hook names every member of
// the object that the administrator's hooks get, and their time limit.
func TestManualEvent(t *testing.T) {
	text, err := os.ReadFile(updownManual)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n.Sh HOOKS OF THE ADMINISTRATOR\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	words := strings.Fields(section)
	event := reflect.TypeOf(hook.Event{})
	for i := range event.NumField() {
		name, _, _ := strings.Cut(event.Field(i).Tag.Get("json"), ",")
		if name == "" || name != "-" && !slices.Contains(words, name) {
			t.Errorf("%s does not describe the member %q of an event (%s)", updownManual, name, event.Field(i).Name)
		}
	}
	limit := strings.TrimSuffix(admin.DefaultLimit.String(), "s") + " seconds"
	for _, word := range []string{admin.Directory, limit} {
		if !strings.Contains(section, word) {
			t.Errorf("%s does not have %s", updownManual, word)
		}
	}
}
