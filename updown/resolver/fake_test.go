package resolver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/dns"
)

// TestMain is the fake unbound-control when it is called by that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "unbound-control" {
		os.Exit(fakeUnboundControl(filepath.Dir(os.Args[0]), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fakeUnboundControl answers as the real one does and notes its arguments. The
// fake unbound is a file with its forwards; without the file it does not run.
func fakeUnboundControl(dir string, args []string) int {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(log, "%q\n", args)
	path := filepath.Join(dir, "forwards")
	forwards, err := os.ReadFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: connect: Connection refused for 127.0.0.1 port 8953")
		return 1
	}
	switch args[0] {
	case "list_forwards":
		fmt.Print(string(forwards))
		return 0
	case "forward_add", "forward_remove":
		var kept strings.Builder
		for line := range strings.Lines(string(forwards)) {
			if !strings.HasPrefix(line, args[1]+". ") {
				kept.WriteString(line)
			}
		}
		if args[0] == "forward_add" {
			slices.Reverse(args[2:]) // as it lists them
			fmt.Fprintf(&kept, "%s. IN forward %s\n", args[1], strings.Join(args[2:], " "))
		}
		err = os.WriteFile(path, []byte(kept.String()), 0o600)
	case "flush_zone", "flush_requestlist":
	default:
		err = errors.New("error unknown command")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ok")
	return 0
}

// fakeResolved is systemd-resolved with the interfaces of a host.
type fakeResolved struct {
	index  map[string]int // of the interfaces that exist
	last   int
	told   map[int]dns.Link
	refuse error  // of every call
	crash  func() // is called before and after a change
}

func newFakeResolved() *fakeResolved {
	return &fakeResolved{index: make(map[string]int), told: make(map[int]dns.Link), crash: func() {}}
}

// add makes an interface, or makes it anew.
func (f *fakeResolved) add(name string) {
	f.del(name)
	f.last++
	f.index[name] = f.last
}

func (f *fakeResolved) del(name string) {
	delete(f.told, f.index[name])
	delete(f.index, name)
}

func (f *fakeResolved) Index(name string) (int, error) {
	if i, ok := f.index[name]; ok {
		return i, nil
	}
	return 0, errors.New("no such network interface")
}

func (f *fakeResolved) Set(_ context.Context, index int, l dns.Link) error {
	return f.do(func() error {
		if !slices.Contains(slices.Collect(maps.Values(f.index)), index) {
			return fmt.Errorf("link %d not known", index)
		}
		f.told[index] = l
		return nil
	})
}

func (f *fakeResolved) Revert(_ context.Context, index int) error {
	return f.do(func() error {
		delete(f.told, index)
		return nil
	})
}

func (f *fakeResolved) do(change func() error) error {
	f.crash()
	if f.refuse != nil {
		return f.refuse
	}
	err := change()
	f.crash()
	return err
}

// text is what is told, a line for each interface.
func (f *fakeResolved) text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.index)) {
		if l, ok := f.told[f.index[name]]; ok {
			fmt.Fprintf(&b, "%s: servers %v domains %v all %v\n", name, l.Servers, l.Domains, l.All)
		}
	}
	return b.String()
}

// host is a host with fakes of systemd-resolved and unbound, and a real
// resolv.conf.
type host struct {
	t        testing.TB
	dir      string
	resolved *fakeResolved
	m        *Manager
}

func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir(), resolved: newFakeResolved()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, h.path("unbound-control")); err != nil {
		t.Fatal(err)
	}
	h.m = &Manager{StateDir: h.path("state"), ResolvConf: h.path("resolv.conf"), Control: h.path("unbound-control"), Links: h.resolved}
	return h
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// read returns a file, and nothing for one that is not there.
func (h *host) read(name string) string {
	h.t.Helper()
	text, err := os.ReadFile(h.path(name))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return string(text)
}

// forwards are those of the fake unbound, sorted.
func (h *host) forwards() string {
	lines := slices.Collect(strings.Lines(h.read("forwards")))
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// request reads `CLAIM key=value…` with lists separated by commas.
func request(t testing.TB, words []string) (setting string, r dns.Request) {
	t.Helper()
	r.Claim = words[0]
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		var err error
		switch key {
		case "via":
			setting = value
		case "link":
			r.Link = value
		case "default":
			r.Default = true
		case "unclaimed":
			r.Unclaimed = true
		case "servers":
			r.Servers, err = dns.ParseServers(strings.ReplaceAll(value, ",", " "))
		case "domains":
			r.Domains, err = dns.ParseDomains(strings.ReplaceAll(value, ",", " "))
		default:
			t.Fatalf("unknown word %q", w)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return setting, r
}

// lines reads a script line by line, without blank ones and comments.
func lines(text string) []string {
	var l []string
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && line[0] != '#' {
			l = append(l, line)
		}
	}
	return l
}
