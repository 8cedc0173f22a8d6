package resolver

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what happens now into testdata")

// TestStories plays testdata/*.txtar: the part script has commands, the part
// expect what they printed. Other parts are files for `write`.
//
//	up CLAIM [via=SETTING] [link=LINK] [default] servers=LIST [domains=LIST]
//	down CLAIM, settle CLAIM…
//	interface add|del LINK       one of the host
//	interface rename LINK NAME   of the same one
//	unbound start|stop           the fake one
//	resolved refuses|answers     the fake one
//	write FILE PART, append FILE LINE, link FILE TARGET, remove FILE
//	show                         resolv.conf, what was told, and the calls of unbound-control
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			parts := make(map[string]*txtar.File)
			for i := range a.Files {
				parts[a.Files[i].Name] = &a.Files[i]
			}
			h := newHost(t)
			if p := parts["resolv.conf"]; p != nil {
				h.write("resolv.conf", string(p.Data))
			}
			var out bytes.Buffer
			for _, line := range lines(string(parts["script"].Data)) {
				fmt.Fprintf(&out, "> %s\n", line)
				h.command(&out, parts, strings.Fields(line))
			}
			got := strings.ReplaceAll(out.String(), h.dir, "DIR")
			if *update {
				parts["expect"].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(parts["expect"].Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func (h *host) command(out *bytes.Buffer, parts map[string]*txtar.File, words []string) {
	h.t.Helper()
	h.m.Trace = func(line string) { fmt.Fprintln(out, line) }
	ctx := context.Background()
	var err error
	switch name, args := words[0], words[1:]; name {
	case "up":
		setting, r := request(h.t, args)
		err = h.m.Set(ctx, setting, r)
	case "down":
		err = h.m.Drop(ctx, args[0])
	case "settle":
		err = h.m.Settle(ctx, func() ([]string, error) { return args, nil })
	case "unbound":
		if args[0] == "start" {
			h.write("forwards", string(parts["unbound"].Data))
		} else if err := os.Remove(h.path("forwards")); err != nil {
			h.t.Fatal(err)
		}
	case "resolved":
		h.resolved.refuse = nil
		if args[0] == "refuses" {
			h.resolved.refuse = errors.New("no answer")
		}
	case "interface":
		if args[0] == "rename" {
			h.resolved.index[args[2]] = h.resolved.index[args[1]]
			delete(h.resolved.index, args[1])
		} else if h.resolved.del(args[1]); args[0] == "add" {
			h.resolved.add(args[1])
		}
	case "write":
		h.write(args[0], string(parts[args[1]].Data))
	case "append":
		h.write(args[0], h.read(args[0])+strings.Join(args[1:], " ")+"\n")
	case "link":
		_ = os.Remove(h.path(args[0])) // there may be none
		if err := os.Symlink(args[1], h.path(args[0])); err != nil {
			h.t.Fatal(err)
		}
	case "remove":
		if err := os.RemoveAll(h.path(args[0])); err != nil {
			h.t.Fatal(err)
		}
	case "show":
		h.show(out)
	default:
		h.t.Fatalf("unknown command %q", words)
	}
	if err != nil {
		fmt.Fprintf(out, "error: %v\n", err)
	}
}

// show prints what there is; what there is not gets no line.
func (h *host) show(out *bytes.Buffer) {
	h.t.Helper()
	for _, part := range []struct{ title, text string }{
		{"resolv.conf", h.read("resolv.conf")}, {"systemd-resolved", h.resolved.text()}, {"unbound", h.forwards()}, {"unbound-control", h.read("log")},
	} {
		if part.text != "" {
			fmt.Fprintf(out, "%s:\n%s", part.title, "  "+strings.ReplaceAll(strings.TrimSuffix(part.text, "\n"), "\n", "\n  ")+"\n")
		}
	}
	_ = os.Remove(h.path("log")) // there may be none
}
