// Package contract says how a network namespace behaves, as far as ipsecif
// depends on it. The fake kernel and the real one pass the same cases, so what
// is tested on the one holds for the other.
package contract

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"golang.org/x/tools/txtar"
)

// query makes every object visible that the cases use.
var query = plan.Query{
	Tables: []routing.Table{50, 1000}, Settings: []string{"eth0", "lan", "red", "blue"}, Clamps: true,
	Firewall: plan.FirewallQuery{All: true}, Netns: []string{netnsName},
}

// netnsName is the network namespace that a case may have besides its own.
const netnsName = "contract"

// Netns makes and deletes network namespaces, as `ip netns` does.
type Netns interface {
	AddNetns(name string)
	DelNetns(name string)
}

// Files returns the cases in a directory.
func Files(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s (%v)", dir, err)
	}
	return files
}

// patience bounds the wait for what the kernel does a little later.
const patience = 2 * time.Second

// Run checks one case. Its file has the operations of `setup`, which must
// succeed, then those of `apply`, the text of the `error` that they end with
// (empty for none), and the `state` after them; a file with `near`, a limited
// query, has also what is `seen` with that, and one with `counters` which links
// are counted. What is in the network namespace
// "contract" finds that made; a file with `without` has the state after it was
// deleted. With update the file is written anew.
func Run(t *testing.T, k updown.Kernel, spaces Netns, file string, update bool) {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, f := range ar.Files {
		sections[f.Name] = string(f.Data)
	}
	if strings.Contains(sections["setup"]+sections["apply"], netnsName) {
		spaces.AddNetns(netnsName)
		defer spaces.DelNetns(netnsName)
	}
	if err := k.Apply(ops(t, sections["setup"]), func(plan.Op) {}); err != nil {
		t.Fatalf("setup: %v", err)
	}
	got := txtar.Archive{Comment: ar.Comment, Files: []txtar.File{
		{Name: "setup", Data: []byte(sections["setup"])},
		{Name: "apply", Data: []byte(sections["apply"])},
		{Name: "error", Data: []byte(outcome(apply(t, k, ops(t, sections["apply"]))))},
		{Name: "state", Data: []byte(dump(t, k, query))},
	}}
	if _, ok := sections["without"]; ok {
		spaces.DelNetns(netnsName)
		got.Files = append(got.Files, txtar.File{Name: "without", Data: []byte(dump(t, k, query))})
	}
	if _, ok := sections["counters"]; ok {
		got.Files = append(got.Files, txtar.File{Name: "counters", Data: []byte(counted(t, k))})
	}
	if near, ok := sections["near"]; ok {
		seen := dump(t, k, nearQuery(t, near))
		// The kernel makes the local route of an IPv6 address in a work queue.
		for end := time.Now().Add(patience); !update && seen != sections["seen"] && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
			seen = dump(t, k, nearQuery(t, near))
		}
		got.Files = append(got.Files,
			txtar.File{Name: "near", Data: []byte(near)},
			txtar.File{Name: "seen", Data: []byte(seen)})
	}
	if update {
		if err := os.WriteFile(file, txtar.Format(&got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, f := range got.Files {
		if want := sections[f.Name]; want != string(f.Data) {
			t.Errorf("%s: got\n%swant\n%s", f.Name, f.Data, want)
		}
	}
}

// apply does operations. Those that are traced must be those that were done, and
// the one that failed.
func apply(t *testing.T, k updown.Kernel, ops []plan.Op) error {
	t.Helper()
	var traced []plan.Op
	err := k.Apply(ops, func(op plan.Op) { traced = append(traced, op) })
	var failed *plan.OpError
	if errors.As(err, &failed) {
		i := slices.Index(traced, failed.Op)
		if i < 0 {
			t.Errorf("%s failed and is not traced", failed.Op)
			return err
		}
		ops, traced = failed.Done, slices.Delete(traced, i, i+1)
	}
	if !slices.Equal(traced, ops) {
		t.Errorf("traced\n%v\ndone\n%v", traced, ops)
	}
	return err
}

func ops(t *testing.T, lines string) []plan.Op {
	t.Helper()
	var ops []plan.Op
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		op, err := plan.ParseOp(line)
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op)
	}
	return ops
}

// outcome returns the operation that failed and the error number's text
// without what a kernel version may add to it.
func outcome(err error) string {
	var opErr *plan.OpError
	if !errors.As(err, &opErr) {
		if err != nil {
			return fmt.Sprintf("not an OpError: %v\n", err)
		}
		return ""
	}
	root := opErr.Err
	for errors.Unwrap(root) != nil {
		root = errors.Unwrap(root)
	}
	return fmt.Sprintf("%s: %v\n", opErr.Op, root)
}

// nearQuery reads the words link, shared, addr, on-link, neigh, dst, net, guards,
// table, path and entry, each with its argument on a line.
func nearQuery(t *testing.T, lines string) plan.Query {
	t.Helper()
	q := plan.Query{Near: &plan.Near{}}
	for line := range strings.Lines(lines) {
		word, argument, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		var addr netip.Addr
		var table routing.Table
		switch word {
		case "link":
			q.Near.Links = append(q.Near.Links, argument)
		case "shared":
			q.Near.Shared = append(q.Near.Shared, argument)
		case "addr":
			addr, err = netip.ParseAddr(argument)
			q.Near.Addrs = append(q.Near.Addrs, addr)
		case "dst":
			var dst netip.Prefix
			dst, err = netip.ParsePrefix(argument)
			q.Near.Dsts = append(q.Near.Dsts, dst)
		case "on-link":
			addr, err = netip.ParseAddr(argument)
			q.Near.OnLink = append(q.Near.OnLink, addr)
		case "neigh":
			dev, text, _ := strings.Cut(argument, " ")
			addr, err = netip.ParseAddr(text)
			q.Near.Neighs = append(q.Near.Neighs, routing.Neigh{Dev: dev, Addr: addr})
		case "net":
			var net netip.Prefix
			net, err = netip.ParsePrefix(argument)
			q.Near.Dsts, q.Near.Nets = append(q.Near.Dsts, net), append(q.Near.Nets, net)
		case "path":
			addr, err = netip.ParseAddr(argument)
			q.Paths = append(q.Paths, plan.PathQuery{To: addr})
		case "entry":
			var op plan.Op
			op, err = plan.ParseOp(argument)
			if e, ok := op.Object.(firewall.Entry); ok {
				q.Firewall.Entries = append(q.Firewall.Entries, e)
				q.Firewall.Places = append(q.Firewall.Places, e.Place)
			}
		case "guards":
			table, err = routing.ParseTable(argument)
			q.Near.Guards = append(q.Near.Guards, table)
		case "table":
			table, err = routing.ParseTable(argument)
			q.Tables = append(q.Tables, table)
		default:
			err = fmt.Errorf("no such word: %q", word)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return q
}

// dump returns the state in the notation of plans, without what every new
// namespace has. Of a limited query it adds the facts.
func dump(t *testing.T, k updown.Kernel, q plan.Query) string {
	t.Helper()
	o, err := k.Observe(q)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, obj := range o.State.Sorted() {
		if !native(obj) {
			fmt.Fprintln(&b, plan.Making(obj))
		}
	}
	if q.Near != nil {
		for _, l := range o.Facts.Locals.Addrs {
			fmt.Fprintf(&b, "local %s dev %s\n", l.Addr, l.Dev)
		}
		for _, a := range o.Facts.Hidden {
			fmt.Fprintf(&b, "hidden %s\n", a)
		}
		for _, n := range o.Facts.Routed {
			fmt.Fprintf(&b, "routed %s\n", n)
		}
		for _, pq := range q.Paths {
			p := o.Facts.Paths[pq]
			fmt.Fprintf(&b, "path %s dev %s via %s\n", pq.To, p.Dev, p.Via)
		}
	}
	return b.String()
}

// counted returns the links whose packets are counted, with a limited query.
func counted(t *testing.T, k updown.Kernel) string {
	t.Helper()
	o, err := k.Observe(plan.Query{Near: &plan.Near{}, Counters: true, Netns: []string{netnsName, "nowhere"}})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range o.Counters.Links {
		lines = append(lines, fmt.Sprintf("%+v\n", l))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// native reports whether an object is in every namespace, or depends on more
// than the operations, as link-local addresses and the default addrgenmode do.
func native(o plan.Object) bool {
	_, o = plan.Where(o)
	switch o := o.(type) {
	case xfrmi.Link:
		return o.Name == "lo"
	case xfrmi.Attr:
		return o.Name == xfrmi.AttrAddrGen && o.Value != "none" || o.Name == xfrmi.AttrMulticast && o.Value == "off" ||
			o.Name == xfrmi.AttrMaster && o.Value == ""
	case xfrmi.Addr:
		return o.Prefix.Addr().IsLoopback() || o.Prefix.Addr().IsLinkLocalUnicast()
	case routing.Rule:
		return o.Priority == 0 || o.Priority == 1000 && o.Table == 0 || o.Priority >= 32766
	}
	return false
}
