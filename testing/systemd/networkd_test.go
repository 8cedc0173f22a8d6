package systemd

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/tools/txtar"
)

const networkDir = "/etc/systemd/network"

// gateway gives the host an interface to its provider that systemd-networkd
// manages, and a VRF of its.
func gateway(t *testing.T) {
	t.Helper()
	run(t, "ip netns add isp")
	run(t, "ip link add under type veth peer name eth0 netns isp")
	run(t, "ip -n isp link set lo up")
	run(t, "ip -n isp link set eth0 up")
	for name, text := range map[string]string{
		"10-under.network": "[Match]\nName=under\n[Network]\nAddress=192.1.3.33/24\nAddress=2001:db8:1:3::33/64\nIPv6AcceptRA=no\n[Address]\nAddress=2001:db8:1:3::34/64\nDuplicateAddressDetection=none\n" +
			"[Route]\nGateway=192.1.3.254\n[Route]\nGateway=2001:db8:1:3::fe\n",
		"20-blue.netdev":  "[NetDev]\nName=blue\nKind=vrf\n[VRF]\nTable=77\n",
		"20-blue.network": "[Match]\nName=blue\n",
	} {
		if err := errors.Join(os.MkdirAll(networkDir, 0o755), os.WriteFile(filepath.Join(networkDir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "networkctl reload")
	run(t, "/usr/lib/systemd/systemd-networkd-wait-online -i under -i blue:carrier --timeout=30")
	t.Cleanup(func() {
		// What a test has left when it failed.
		_, _, _ = ipsecif(t, "down", "--all")
		_, _, _ = ipsecif(t, "networkd", "remove", "--all")
		for _, name := range []string{"10-under.network", "20-blue.netdev", "20-blue.network"} {
			if err := os.Remove(filepath.Join(networkDir, name)); err != nil {
				t.Error(err)
			}
		}
		run(t, "networkctl reload")
		run(t, "ip link del blue")
		run(t, "ip netns del isp")
	})
}

// ipsecif runs the program, and returns what it prints.
func ipsecif(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	program := os.Getenv("IPSECIF_BIN")
	if program == "" {
		t.Fatal("IPSECIF_BIN must name the ipsecif to test: CGO_ENABLED=0 go build -o bin/ipsecif ./cmd/ipsecif")
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// must is ipsecif without an error.
func must(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := ipsecif(t, args...)
	if err != nil {
		t.Fatalf("ipsecif %s: %v\n%s%s\n%s", strings.Join(args, " "), err, stdout, stderr, run(t, "journalctl -q -n 20 -o cat -u systemd-networkd"))
	}
	return stdout, stderr
}

// snapshot returns all objects of the kernel, without what says who made them and
// what networkd sets for every interface.
func snapshot(t *testing.T) map[string]string {
	t.Helper()
	k, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	o, err := k.Observe(plan.Query{Tables: []routing.Table{50, 77, 50000001, 50000002}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, object := range o.State {
		switch o := object.(type) {
		case xfrmi.Link:
			o.Mine, o.Under = false, "" // networkd's are bound to lo, which stands for none
			object = o
		case xfrmi.Attr:
			if o.Name == xfrmi.AttrAlias {
				continue
			}
		case routing.Sysctl:
			if o.Name == routing.SysctlPromote {
				continue
			}
		case xfrmi.Addr:
			o.Mine = false
			object = o
		case routing.Route:
			if o.Protocol == routing.ProtocolStatic || o.Mine() {
				o.Protocol = 0
			}
			object = o
		case routing.Rule:
			if o.Protocol == routing.ProtocolStatic {
				o.Protocol = routing.ProtocolKernel
			}
			object = o
		}
		all[object.Key()] = object.String()
	}
	return all
}

// differ returns what two snapshots do not have in common.
func differ(a, b map[string]string) []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if a[key] != b[key] {
			lines = append(lines, "- "+a[key], "+ "+b[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[key]; !ok {
			lines = append(lines, "+ "+b[key])
		}
	}
	return lines
}

// TestNetworkdRoundTrip has systemd-networkd make the conns of each
// testdata/networkd/*.txtar, compares that with what ipsecif makes itself, and
// brings the conns up and down on it. Its part rest has what is left to ipsecif.
func TestNetworkdRoundTrip(t *testing.T) {
	hosts.Require(t)
	gateway(t)
	cases, err := filepath.Glob("testdata/networkd/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			conf, rest := ar.Files[0].Data, ""
			if len(ar.Files) > 1 {
				rest = string(ar.Files[1].Data)
			}
			if err := os.WriteFile("/etc/ipsecif.conf", conf, 0o644); err != nil {
				t.Fatal(err)
			}
			roundTrip(t, rest)
		})
	}
}

func roundTrip(t *testing.T, rest string) {
	before := snapshot(t)
	must(t, "up", "--all")
	ours := snapshot(t)
	must(t, "down", "--all")
	if d := differ(before, snapshot(t)); len(d) > 0 {
		t.Fatalf("left by down:\n%s", strings.Join(d, "\n"))
	}
	must(t, "networkd", "install", "--all")
	if out, _ := must(t, "networkd", "install", "--all"); out != "nothing to do\n" {
		t.Errorf("a second install:\n%s", out)
	}
	theirs := snapshot(t)
	_, trace := must(t, "up", "--all")
	if got := done(trace); got != rest {
		t.Errorf("up did\n%s\nwant\n%s", got, rest)
	}
	if d := differ(ours, snapshot(t)); len(d) > 0 {
		t.Errorf("what networkd made (+) is not what ipsecif makes (-):\n%s", strings.Join(d, "\n"))
	}
	adopted(t)
	must(t, "down", "--all")
	if d := differ(theirs, snapshot(t)); len(d) > 0 {
		t.Errorf("changed by up and down:\n%s", strings.Join(d, "\n"))
	}
	must(t, "networkd", "remove", "--all")
	if d := differ(before, snapshot(t)); len(d) > 0 {
		t.Errorf("left by remove:\n%s", strings.Join(d, "\n"))
	}
	if files, err := filepath.Glob(networkDir + "/*ipsecif*"); len(files) > 0 || err != nil {
		t.Errorf("left are %v, %v", files, err)
	}
}

// done returns the operations of a trace.
func done(trace string) string {
	var b strings.Builder
	for line := range strings.Lines(trace) {
		if op, ok := strings.CutPrefix(line, "[#] "); ok {
			b.WriteString(op)
		}
	}
	return b.String()
}

// adopted wants all conns to be in sync, with everything made by somebody else
// that has a maker.
func adopted(t *testing.T) {
	t.Helper()
	out, stderr, err := ipsecif(t, "--json", "status")
	var s updown.Status
	if err := errors.Join(err, json.Unmarshal([]byte(out), &s)); err != nil {
		t.Fatalf("status: %v\n%s%s", err, out, stderr)
	}
	if len(s.Conns) == 0 || len(s.Leftovers) > 0 {
		t.Errorf("status has the conns %v and the leftovers %v", s.Conns, s.Leftovers)
	}
	for _, c := range s.Conns {
		if c.Condition != updown.InSync || len(c.Warnings) > 0 {
			t.Errorf("%s is %s: %v %v", c.Name, c.Condition, c.Problems, c.Warnings)
		}
		for _, o := range c.Objects {
			setting := strings.HasPrefix(o.Object, "ip link set ") || strings.HasPrefix(o.Object, "sysctl ") || strings.HasPrefix(o.Object, "nft ")
			if !setting && o.Condition != updown.Adopted {
				t.Errorf("%s: %s is %s", c.Name, o.Object, o.Condition)
			}
		}
	}
}
