package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/spf13/pflag"
)

// TestManualVariables checks that the manual page of the hook describes every
// variable that is read of each daemon, and no other.
func TestManualVariables(t *testing.T) {
	for daemon, section := range map[hook.Daemon]string{hook.Pluto: "VARIABLES OF PLUTO", hook.Charon: "VARIABLES OF CHARON"} {
		described := slices.Concat(variables(t, "VARIABLES OF BOTH DAEMONS"), variables(t, section), variables(t, "FILES"))
		slices.Sort(described)
		if want := slices.Sorted(slices.Values(hook.Variables[daemon])); !slices.Equal(described, want) {
			t.Errorf("%s describes of %s:\n%q\nand these are read:\n%q", updownManual, daemon, described, want)
		}
	}
}

// variables returns the environment variables that head entries of a section.
func variables(t *testing.T, section string) []string {
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
