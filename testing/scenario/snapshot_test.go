package scenario_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/rogpeppe/go-internal/testscript"
)

// dumps are the commands whose output makes a full picture of a host.
var dumps = [][]string{
	{"ip", "-d", "-o", "link", "show"},
	{"ip", "-d", "-o", "address", "show"},
	{"ip", "-4", "route", "show", "table", "all"},
	{"ip", "-6", "route", "show", "table", "all"},
	{"ip", "-d", "-4", "rule", "show"},
	{"ip", "-d", "-6", "rule", "show"},
	{"nft", "list", "ruleset"},
	{"ip", "neigh", "show", "proxy"},
	{"sysctl", "-a", "-r", `net\.ipv[46]\.conf\..*\.(rp_filter|disable_policy|proxy_ndp)$`},
}

// accidental is what two hosts, or one host at two times, cannot have alike:
// indexes, hardware addresses, lifetimes, and link-local addresses made of
// them.
var accidental = regexp.MustCompile(`(?m)^\d+: |link/\S+ [0-9a-f:]+( brd [0-9a-f:]+)?|link-netnsid \d+|@if\d+|permaddr \S+|.*\bfe80::.*\n|.*\bff00::/8.*\n|hoplimit \d+|expires \S+`)

func dump(h *hosts.Host, commands [][]string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var lines []string
	for _, c := range commands {
		out, _, err := h.Run(ctx, c[0], c[1:]...)
		if err != nil {
			return "", err
		}
		lines = append(lines, strings.Split(accidental.ReplaceAllString(out, ""), "\n")...)
	}
	slices.Sort(lines)
	return strings.TrimSpace(strings.Join(lines, "\n")) + "\n", nil
}

func (s *scenario) dump(ts *testscript.TestScript, host string, commands [][]string) string {
	out, err := dump(s.host(host), commands)
	ts.Check(err)
	return out
}

// snapshot HOST FILE writes all links, addresses, routes and rules of a host,
// both families, what nftables has, proxy neighbours, and rp_filter and proxy_ndp
// of every link.
func snapshot(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "snapshot HOST FILE")
	ts.Check(os.WriteFile(ts.MkAbs(words[1]), []byte(of(ts).dump(ts, words[0], dumps)), 0o644))
}

// restored HOST FILE waits until a host is as in a snapshot: an IKE daemon does
// not say when it is done.
func restored(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "restored HOST FILE")
	const pause = 50 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		got := of(ts).dump(ts, words[0], dumps)
		want := ts.ReadFile(words[1])
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			ts.Check(os.WriteFile(ts.MkAbs("now"), []byte(got), 0o644))
			ts.Check(ts.Exec("diff", "-u", ts.MkAbs(words[1]), ts.MkAbs("now")))
		}
	}
}

// byWhom is how routes and rules of ipsecif differ from those of libreswan's
// own script: they say who made them.
var byWhom = regexp.MustCompile(` proto (50|ipsecif|kernel)\b`)

// layout HOST FILE writes what decides the way of packets, whoever made it: the
// routes of main and table 50, and all rules.
func layout(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "layout HOST FILE")
	out := of(ts).dump(ts, words[0], [][]string{
		{"ip", "-4", "route", "show", "table", "main"}, {"ip", "-6", "route", "show", "table", "main"},
		{"ip", "-4", "rule", "show"}, {"ip", "-6", "rule", "show"},
	})
	// An empty table is an error for ip.
	all := of(ts).dump(ts, words[0], [][]string{{"ip", "-4", "route", "show", "table", "all"}, {"ip", "-6", "route", "show", "table", "all"}})
	for line := range strings.Lines(all) {
		if strings.Contains(line, " table 50") {
			out += line
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(words[1]), []byte(byWhom.ReplaceAllString(out, "")), 0o644))
}
