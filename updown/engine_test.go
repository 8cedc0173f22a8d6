package updown_test

import (
	"flag"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/cases"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestStories runs the stories of testdata. Each has an ipsec.conf, the
// `kernel` as it is found, a `script` of commands, and the `output` that they
// give. The commands are:
//
//	up NAME…, down NAME…, plan NAME…, status   as on the command line, up and
//	                                           plan also with --adopt; with --policy or
//	                                           --route as an IKE daemon's hook does
//	gc, gc --force, gc --dry-run               as on the command line
//	drift                                      status --drift
//	kernel OPERATION                           somebody else changes the kernel
//	hook NAME VARIABLE=VALUE…                  an IKE daemon calls with the environment in the
//	                                           file NAME and these variables
//	sa NAME IF_ID PEER SPI REQID MARK          an IKE daemon makes SAs, with or without the last three
//	sa none, sa del SPI                        it takes all away, or one of each direction
//	rename OLD NEW                             somebody renames a link
//	netns add NAME, netns del NAME             somebody makes or deletes a network namespace
//	fail N                                     the N-th operation from now fails
//	undone OPERATION                           somebody undoes that one right after it, once
//	conf NAME                                  the file NAME becomes ipsec.conf
//	lose-claims                                the state directory is lost
//	unprivileged, no-xfrm, reflects-mark NAME  what kind of kernel it is
//	pristine                                   prints how the kernel differs from the one found
func TestStories(t *testing.T) {
	cases.Play(t, "testdata/*.txtar", "output", *update, func(t *testing.T, parts map[string]string) string {
		return newStory(t, parts).run()
	})
}

type story struct {
	t      *testing.T
	files  map[string]string
	conf   string
	kernel *fake.Kernel
	found  plan.State
	dir    string
	out    strings.Builder
}

func newStory(t *testing.T, files map[string]string) *story {
	s := &story{t: t, files: files, kernel: fake.New(), dir: t.TempDir(), conf: "ipsec.conf"}
	for name := range strings.FieldsSeq(s.files["netns"]) {
		s.kernel.AddNetns(name)
	}
	for line := range strings.Lines(s.files["kernel"]) {
		s.apply(line)
	}
	s.found = s.kernel.All()
	return s
}

// apply is how somebody else changes the kernel.
func (s *story) apply(line string) {
	op, err := plan.ParseOp(line)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.kernel.Apply([]plan.Op{op}, func(plan.Op) {}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) run() string {
	for line := range strings.Lines(s.files["script"]) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		fmt.Fprintf(&s.out, "> %s\n", line)
		command, rest, _ := strings.Cut(line, " ")
		s.command(command, rest)
	}
	return s.out.String()
}

func (s *story) command(command, rest string) {
	switch command {
	case "up", "down", "plan", "status", "drift", "gc":
		s.engineCommand(command, strings.Fields(rest))
	case "kernel":
		s.apply(rest)
	case "sa":
		s.sa(rest)
	case "hook":
		s.hook(strings.Fields(rest))
	case "rename":
		from, to, _ := strings.Cut(rest, " ")
		s.kernel.Rename(from, to)
	case "netns":
		verb, name, _ := strings.Cut(rest, " ")
		if verb == "add" {
			s.kernel.AddNetns(name)
		} else {
			s.kernel.DelNetns(name)
		}
	case "undone":
		s.undone(rest)
	case "fail":
		if _, err := fmt.Sscan(rest, &s.kernel.FailAt); err != nil {
			s.t.Fatal(err)
		}
	case "conf":
		s.conf = rest
	case "lose-claims":
		s.dir = s.t.TempDir()
	case "unprivileged":
		s.kernel.Unprivileged = true
	case "no-xfrm":
		s.kernel.NoXfrm = true
	case "no-external":
		s.kernel.NoExternal = true
	case "reflects-mark":
		s.kernel.ReflectsMark = rest
	case "pristine":
		s.pristine()
	default:
		s.t.Fatalf("unknown command %q", command)
	}
}

// sas are the SAs that stories know, by name.
var sas = map[string]xfrmi.ESP{
	"gcm":     {Mode: xfrmi.Tunnel, Cipher: xfrmi.Cipher{IV: 8, ICV: 16, Block: 1}},
	"gcm-udp": {Mode: xfrmi.Tunnel, UDP: true, Cipher: xfrmi.Cipher{IV: 8, ICV: 16, Block: 1}},
	"cbc-udp": {Mode: xfrmi.Tunnel, UDP: true, Cipher: xfrmi.Cipher{IV: 16, ICV: 16, Block: 16}},
	"gcm6":    {Mode: xfrmi.Tunnel, IPv6: true, Cipher: xfrmi.Cipher{IV: 8, ICV: 16, Block: 1}},
	"ipcomp":  {Mode: xfrmi.Transport, Cipher: xfrmi.Cipher{IV: 8, ICV: 16, Block: 1}},
}

// undone lets somebody delete what one operation makes, in the midst of a run.
func (s *story) undone(line string) {
	s.kernel.After = func(op plan.Op) {
		if op.String() == line {
			s.kernel.After = nil
			delete(s.kernel.State, op.Object.Key())
		}
	}
}

func (s *story) pristine() {
	var lines []string
	now := s.kernel.All()
	for key, o := range now {
		if s.found[key] != o {
			lines = append(lines, fmt.Sprintf("there is %s\n", placed(o)))
		}
	}
	for key, o := range s.found {
		if now[key] == nil {
			lines = append(lines, fmt.Sprintf("gone is %s\n", placed(o)))
		}
	}
	slices.Sort(lines)
	s.out.WriteString(strings.Join(lines, ""))
}

// placed names an object with its network namespace.
func placed(o plan.Object) string {
	if netns, inner := plan.Where(o); netns != "" {
		return "in " + netns + " " + inner.String()
	}
	return o.String()
}

func (s *story) engineCommand(command string, names []string) {
	files := fstest.MapFS{"ipsec.conf": {Data: []byte(s.files[s.conf])}}
	f, ds := conn.Load(mapFS{files}, "ipsec.conf")
	s.fail(ds.Err())
	var conns []conn.Conn
	var option string
	if len(names) > 0 && strings.HasPrefix(names[0], "--") && command != "gc" {
		option, names = names[0], names[1:]
	}
	adopt := option == "--adopt"
	for _, name := range names {
		c, ds := f.Lookup(name)
		s.fail(ds.Err())
		for i := range c {
			c[i].ForceRoute = option == "--route"
			c[i].PolicyBased = c[i].ForceRoute || option == "--policy"
		}
		conns = append(conns, c...)
	}
	all, _ := f.Conns()
	e := s.engine(f)
	e.Adopt = adopt
	switch command {
	case "up":
		p, err := e.Up(conns)
		s.outcome(p, err)
	case "down":
		p, err := e.Down(s.claimedFor(e, names), conns)
		s.outcome(p, err)
	case "plan":
		p, err := e.Plan(conns)
		for _, m := range p.MTUs {
			fmt.Fprintf(&s.out, "mtu of %s: %s\n", m.Link, m)
		}
		for _, op := range p.Ops {
			fmt.Fprintln(&s.out, op)
		}
		s.outcome(p, err)
	case "status":
		status, err := e.Status(all, true)
		s.fail(err)
		s.printStatus(status)
	case "gc":
		p, err := collect(e, all, names)
		s.outcome(p, err)
	case "drift":
		status, err := e.Status(all, true)
		s.fail(err)
		for _, d := range status.Drift {
			fmt.Fprintf(&s.out, "%s %q: want %q have %q: %s\n", d.Condition, d.Conns, d.Want, d.Have, d.Problem)
		}
	}
}

// engine returns an engine that traces, with the places of a configuration.
func (s *story) engine(f *conn.File) *updown.Engine {
	e := &updown.Engine{Kernel: s.kernel, Store: claim.Open(s.dir), Trace: func(op plan.Op) { fmt.Fprintf(&s.out, "%s\n", op) }}
	all, _ := f.Conns()
	for i := range all {
		e.Managed = append(e.Managed, plan.PlaceOf(&all[i]))
		if all[i].Netns != "" {
			e.Netns = append(e.Netns, all[i].Netns)
		}
	}
	return e
}

func collect(e *updown.Engine, all []conn.Conn, options []string) (plan.Plan, error) {
	switch {
	case slices.Contains(options, "--dry-run"):
		return e.Leftovers(all, slices.Contains(options, "--force"))
	case slices.Contains(options, "--force"):
		return e.CollectAll()
	}
	return e.Collect(all)
}

// outcome prints what became of a change.
func (s *story) outcome(p plan.Plan, err error) {
	for _, w := range p.Warnings {
		fmt.Fprintf(&s.out, "warning: %s\n", w.Text)
	}
	if err == nil {
		for _, n := range p.Notes {
			fmt.Fprintf(&s.out, "note: %s\n", n)
		}
	}
	s.fail(err)
}

func (s *story) fail(err error) {
	if err != nil {
		fmt.Fprintf(&s.out, "error: %v\n", err)
	}
}

func (s *story) printStatus(status updown.Status) {
	for _, c := range status.Conns {
		fmt.Fprintf(&s.out, "%s: %s\n", c.Name, c.Condition)
		if c.MTU != nil {
			fmt.Fprintf(&s.out, "  mtu: %s\n", c.MTU)
		}
		if c.Wished != "" {
			fmt.Fprintf(&s.out, "  %s instead of %s\n", c.Link, c.Wished)
		}
		for _, p := range c.Problems {
			fmt.Fprintf(&s.out, "  problem: %s\n", p)
		}
		for _, text := range c.Warnings {
			fmt.Fprintf(&s.out, "  warning: %s\n", text)
		}
		for _, o := range c.Objects {
			if o.Condition != updown.Present {
				fmt.Fprintf(&s.out, "  %s: %s %s\n", o.Condition, o.Object, o.Have)
			}
		}
		for _, line := range c.Bypass {
			fmt.Fprintf(&s.out, "  bypass: %s\n", line)
		}
	}
	for _, o := range status.Leftovers {
		fmt.Fprintf(&s.out, "leftover: %s\n", o.Object)
	}
	for _, o := range status.Displaced {
		fmt.Fprintf(&s.out, "displaced: %s\n", o)
	}
}

type mapFS struct{ fstest.MapFS }

func (m mapFS) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(m.MapFS, name) }
func (m mapFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(m.MapFS, name) }
