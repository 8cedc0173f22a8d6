package resolver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestParseForwards reads what unbound 1.17.1 prints.
func TestParseForwards(t *testing.T) {
	const out = `one.example.net. IN forward 10.1.0.54
. IN forward 192.0.2.1
local.example. IN stub prime 10.2.2.2
insecure.example. IN forward +i 10.9.9.9@5353 ns.example.net.
refused.example. IN forward
`
	got := parseForwards(out)
	want := "map[insecure.example:[10.9.9.9@5353 ns.example.net.] one.example.net:[10.1.0.54] refused.example:[]]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

func FuzzParseForwards(f *testing.F) {
	for _, out := range []string{"", "one.example.net. IN forward 10.1.0.54\n", "a IN forward", "a IN forward +", "\x00 IN forward \n.", "error"} {
		f.Add(out)
	}
	f.Fuzz(func(t *testing.T, out string) {
		for d, servers := range parseForwards(out) {
			if !strings.Contains(strings.ToLower(out), string(d)) || strings.Contains(strings.Join(servers, ""), "+") && !strings.Contains(out, "+") {
				t.Fatalf("%q: %q %q", out, d, servers)
			}
		}
	})
}

// TestUnboundFails is a control program that fails, that hangs, and none.
func TestUnboundFails(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	soon, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for _, tt := range []struct {
		ctx           context.Context
		control, want string
	}{
		{context.Background(), script("fails", "printf 'error \\033[2J'; exit 1"), `fails list_forwards: exit status 1: "error \x1b[2J"`},
		{soon, script("hangs", "sleep 60"), "hangs list_forwards: no answer in time"},
		{context.Background(), filepath.Join(dir, "none"), "none list_forwards: fork/exec " + dir + "/none: no such file or directory"},
	} {
		_, err := unbound{tt.control}.forwards(tt.ctx)
		if err == nil || err.Error() != dir+"/"+tt.want {
			t.Errorf("error %v\nwant  %s", err, tt.want)
		}
	}
}
