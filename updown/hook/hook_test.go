package hook_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/hook"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestEvents reads the environments of testdata. Each file NAME of an archive,
// and what follows it up to NAME.want, is one case:
//
//	VARIABLE=VALUE   is set; a value in quotes is one of Go
//	-VARIABLE        is not set
//	< NAME           all that the case NAME has
//	> --route y      an argument of the hook
//
// NAME.want has the event, or all that is wrong.
func TestEvents(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases, want := map[string]string{}, map[string]string{}
		var names []string
		for _, f := range ar.Files {
			if name, ok := strings.CutSuffix(f.Name, ".want"); ok {
				want[name] = string(f.Data)
				continue
			}
			names = append(names, f.Name)
			cases[f.Name] = string(f.Data)
		}
		written := &txtar.Archive{Comment: ar.Comment}
		for _, name := range names {
			got := outcome(readCase(t, cases, name))
			if got != want[name] && !*update {
				t.Errorf("%s: %s:\n%s\nwant:\n%s", file, name, got, want[name])
			}
			written.Files = append(written.Files, txtar.File{Name: name, Data: []byte(cases[name])},
				txtar.File{Name: name + ".want", Data: []byte(got)})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(written), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// call is what a daemon and the one who configured it say.
type call struct {
	env       map[string]string
	arguments hook.Arguments
}

func readCase(t *testing.T, cases map[string]string, name string) call {
	text, ok := cases[name]
	if !ok {
		t.Fatalf("no case %q", name)
	}
	c := call{env: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		variable, value, _ := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '<':
			c = readCase(t, cases, line[2:])
		case line[0] == '-':
			delete(c.env, line[1:])
		case strings.HasPrefix(line, "> --route "):
			c.arguments.Route = strings.TrimPrefix(line, "> --route ")
		case strings.HasPrefix(line, "> --iproute "):
			c.arguments.IPRoute = strings.TrimPrefix(line, "> --iproute ")
		default:
			if unquoted, err := strconv.Unquote(value); err == nil {
				value = unquoted
			}
			c.env[variable] = value
		}
	}
	return c
}

// outcome returns the event of a call in words, or what is wrong.
func outcome(c call) string {
	var env []string
	for name, value := range c.env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	event, err := hook.Parse(env)
	if err == nil {
		event, err = event.With(c.arguments)
	}
	if err != nil {
		return fmt.Sprintf("error: %v\n", err)
	}
	return inWords(event)
}

// inWords returns what an event says, a line for each field.
func inWords(event hook.Event) string {
	var b strings.Builder
	v := reflect.ValueOf(event)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
			continue
		}
		said := f.Interface()
		if set, ok := said.(hook.Action); ok {
			said = actionsOf(set)
		}
		fmt.Fprintf(&b, "%s: %+v\n", v.Type().Field(i).Name, said)
	}
	fmt.Fprintf(&b, "claimed as %s\n", event.ClaimName())
	return b.String()
}

// TestJSON compares what the administrator's hooks get of events that have
// everything with testdata/NAME.json.
func TestJSON(t *testing.T) {
	for _, daemon := range []hook.Daemon{hook.Pluto, hook.Charon} {
		var env []string
		for name, value := range fullCall(t, string(daemon)).env {
			env = append(env, name+"="+value)
		}
		event, err := hook.Parse(env)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(event, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", string(daemon)+".json")
		if *update {
			if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || string(want) != string(got)+"\n" {
			t.Errorf("%s: got\n%s\nwant\n%s (%v)", golden, got, want, err)
		}
	}
}

func actionsOf(set hook.Action) (names []string) {
	for name, action := range map[string]hook.Action{"prepare": hook.Prepare, "route": hook.Route, "unroute": hook.Unroute, "up": hook.Up, "down": hook.Down} {
		if set.Has(action) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
