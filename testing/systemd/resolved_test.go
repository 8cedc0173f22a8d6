package systemd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/systemd/resolved"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/dns"
	"github.com/ipsecif/ipsecif/updown/resolver"
)

// TestMain is a name server when it is called as one.
func TestMain(m *testing.M) {
	if own := os.Getenv("NAME_SERVER"); own != "" {
		fmt.Fprintln(os.Stderr, Serve(own))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// The name servers of the local net and of the one behind the tunnel.
const (
	lan    = "192.1.3.254"
	tunnel = "10.1.0.53"
)

func run(t *testing.T, command string) string {
	t.Helper()
	words := strings.Fields(command)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// asked is what a name server was asked.
type asked struct {
	mu    sync.Mutex
	names bytes.Buffer
}

func (a *asked) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names.Write(b)
}

func (a *asked) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(strings.Fields(a.names.String()), name)
}

// network has an interface with a name server behind it, which is another
// network namespace.
func network(t *testing.T, link, own, server string) *asked {
	t.Helper()
	connect(t, link, own, server)
	a := &asked{}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := exec.Command("ip", "netns", "exec", link, self)
	s.Env = append(os.Environ(), "NAME_SERVER="+server)
	s.Stdout, s.Stderr = a, os.Stderr
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Process.Kill()
		_ = s.Wait()
	})
	return a
}

// connect makes the interface; the namespace stays when it is deleted.
func connect(t *testing.T, link, own, server string) {
	t.Helper()
	if _, err := os.Stat("/run/netns/" + link); err != nil {
		run(t, "ip netns add "+link)
		run(t, "ip -n "+link+" link set lo up")
		run(t, "ip -n "+link+" addr add "+server+" dev lo")
	}
	run(t, "ip link add "+link+" type veth peer name eth0 netns "+link)
	run(t, "ip link set "+link+" up")
	run(t, "ip -n "+link+" link set eth0 up")
	run(t, "ip -n "+link+" route add "+own+" dev eth0")
	run(t, "ip addr add "+own+"/32 dev "+link)
	run(t, "ip route add "+server+" dev "+link)
}

// ask returns who answers the question for a name.
func ask(t *testing.T, name string) string {
	t.Helper()
	out := run(t, "resolvectl --legend=no query -4 "+name)
	for _, server := range []string{lan, tunnel} {
		if strings.Contains(out, server) {
			return server
		}
	}
	return out
}

// wants is a tunnel that is up.
func wants(t *testing.T, claim, domains string) dns.Request {
	t.Helper()
	r := dns.Request{Claim: claim, Link: "ipsec1"}
	var err, err2 error
	r.Servers, err = dns.ParseServers(tunnel)
	r.Domains, err2 = dns.ParseDomains(domains)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNames brings two tunnels up and down on one interface, with the
// resolv.conf of systemd-resolved and dns-resolver=file, and asks for names.
func TestNames(t *testing.T) {
	hosts.Require(t)
	before := resolvConf(t)
	lanAsked := network(t, "lan", "192.1.3.1", lan)
	tunnelAsked := network(t, "ipsec1", "192.0.2.7", tunnel)
	run(t, "resolvectl dns lan "+lan)
	ctx := context.Background()
	m := &resolver.Manager{StateDir: t.TempDir(), ResolvConf: resolver.ResolvConf, Control: resolver.UnboundControl, Links: resolved.Client{}}
	set := func(r dns.Request) {
		t.Helper()
		if err := m.Set(ctx, "file", r); err != nil {
			t.Fatal(err)
		}
	}
	drop := func(claim string) {
		t.Helper()
		if err := m.Drop(ctx, claim); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name, server string) {
		t.Helper()
		if got := ask(t, name); got != server {
			t.Errorf("%s was answered by %s, want %s", name, got, server)
		}
		other := map[string]*asked{tunnel: lanAsked, lan: tunnelAsked}[server]
		if other.has(name) {
			t.Errorf("the server that is not %s was asked for %s too", server, name)
		}
	}
	want("a1.one.example.net", lan)
	set(wants(t, "first", "one.example.net"))
	want("a2.one.example.net", tunnel)
	want("b2.example.org", lan)
	set(wants(t, "second", ""))
	want("a3.one.example.net", tunnel)
	want("b3.example.org", tunnel)
	drop("second")
	want("a4.one.example.net", tunnel)
	want("b4.example.org", lan)
	drop("first")
	want("a5.one.example.net", lan)

	set(wants(t, "first", "one.example.net"))
	run(t, "ip link del ipsec1")
	drop("first")
	connect(t, "ipsec1", "192.0.2.7", tunnel)
	set(wants(t, "first", "one.example.net"))
	want("a6.one.example.net", tunnel)
	run(t, "systemctl restart systemd-resolved")
	want("a7.one.example.net", tunnel)
	drop("first")
	want("a8.one.example.net", lan)
	if after := resolvConf(t); after != before {
		t.Errorf("resolv.conf was %s, is %s", before, after)
	}
}

// resolvConf returns where the link leads that resolv.conf is.
func resolvConf(t *testing.T) string {
	t.Helper()
	target, err := os.Readlink(resolver.ResolvConf)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestUnused tells about an interface whose servers are never asked.
func TestUnused(t *testing.T) {
	hosts.Require(t)
	run(t, "ip link add ipsec7 type xfrm if_id 7")
	defer run(t, "ip link del ipsec7")
	run(t, "ip link set ipsec7 up")
	m := &resolver.Manager{StateDir: t.TempDir(), ResolvConf: resolver.ResolvConf, Links: resolved.Client{}}
	r := wants(t, "road", "")
	r.Link = "ipsec7"
	const want = "telling systemd-resolved the name servers of ipsec7: systemd-resolved asks them nothing, because the interface is down or has no address but link-local ones"
	if err := m.Set(context.Background(), "systemd", r); !errors.Is(err, dns.ErrUnused) || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	run(t, "ip addr add 192.0.2.8/32 dev ipsec7")
	if err := m.Set(context.Background(), "systemd", r); err != nil {
		t.Error(err)
	}
}

// TestErrors is a systemd-resolved that does not run, does not answer, or may
// not be told; and no bus.
func TestErrors(t *testing.T) {
	hosts.Require(t)
	run(t, "ip link add ipsec8 type xfrm if_id 8")
	run(t, "ip addr add 192.0.2.9/32 dev ipsec8")
	run(t, "ip link set ipsec8 up")
	defer run(t, "ip link del ipsec8")
	c := resolved.Client{}
	index, err := c.Index("ipsec8")
	if err != nil {
		t.Fatal(err)
	}
	told := dns.Link{Servers: wants(t, "road", "").Servers}
	fails := func(when, want string) {
		t.Helper()
		begin := time.Now()
		if err := c.Set(context.Background(), index, told); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", when, err, want)
		}
		if took := time.Since(begin); took > 8*time.Second {
			t.Errorf("%s: it took %v", when, took)
		}
	}

	run(t, "systemctl kill --signal=STOP systemd-resolved")
	fails("stopped", "no answer in time")
	run(t, "systemctl kill --signal=CONT systemd-resolved")

	run(t, "systemctl disable --now systemd-resolved")
	fails("disabled", "systemd-resolved does not run: SetLinkDomains of org.freedesktop.resolve1")
	if err := c.Revert(context.Background(), index); err != nil {
		t.Errorf("disabled: %v", err)
	}
	run(t, "systemctl enable --now systemd-resolved")

	index++
	fails("no such interface", fmt.Sprintf("Link %d not known", index))
	if err := c.Revert(context.Background(), index); err != nil {
		t.Errorf("no such interface: %v", err)
	}
	index--

	file := "/run/systemd/network/10-ipsec8.network"
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("[Match]\nName=ipsec8\n[Network]\nKeepConfiguration=yes\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	run(t, "networkctl reload")
	for end := time.Now().Add(10 * time.Second); !strings.Contains(run(t, "networkctl status ipsec8"), file); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(run(t, "networkctl status ipsec8"))
		}
	}
	fails("managed", "systemd-networkd manages the interface, and its name servers are those of its .network file")

	c.Bus.Address = "unix:path=/run/nobody"
	fails("no bus", "connecting to the bus at unix:path=/run/nobody: dial unix /run/nobody: connect: no such file or directory")
}

// TestMounted changes a resolv.conf that is mounted where it is, as in
// containers.
func TestMounted(t *testing.T) {
	hosts.Require(t)
	dir := t.TempDir()
	behind, path := filepath.Join(dir, "behind"), filepath.Join(dir, "resolv.conf")
	const original = "search example.net\nnameserver 192.1.3.254"
	if err := errors.Join(os.WriteFile(behind, []byte(original), 0o644), os.WriteFile(path, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	run(t, "mount --bind "+behind+" "+path)
	defer run(t, "umount "+path)
	m := &resolver.Manager{StateDir: t.TempDir(), ResolvConf: path, Links: resolved.Client{}}
	r := wants(t, "road", "one.example.net")
	check := func(want string) {
		t.Helper()
		if text, err := os.ReadFile(behind); string(text) != want {
			t.Errorf("the file is\n%s(%v)\nwant\n%s", text, err, want)
		}
	}
	if err := m.Set(context.Background(), "file", r); err != nil {
		t.Fatal(err)
	}
	check(dns.Edit(original, r.Servers, r.Domains))
	if err := m.Drop(context.Background(), "road"); err != nil {
		t.Fatal(err)
	}
	check(original)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("left are %v, %v", files, err)
	}
}
