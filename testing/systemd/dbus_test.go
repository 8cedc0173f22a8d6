package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/systemd/bus"
	"github.com/ipsecif/ipsecif/systemd/service"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	ipsecifd "github.com/ipsecif/ipsecif/updown/daemon"
	"golang.org/x/sys/unix"
)

const (
	// What `make install` puts into the system, and where.
	busPolicy    = "../../systemd/dbus/io.github.ipsecif.Ipsecif1.conf"
	polkitAction = "../../systemd/dbus/io.github.ipsecif.policy"
	busPolicyAt  = "/usr/share/dbus-1/system.d/io.github.ipsecif.Ipsecif1.conf"
	actionAt     = "/usr/share/polkit-1/actions/io.github.ipsecif.policy"

	// An administrator's rule that lets a user do it.
	rule = `polkit.addRule(function(action, subject) {
	if (action.id == "io.github.ipsecif.manage" && subject.user == "daemon" && action.lookup("conn") == "north" && action.lookup("verb") == "up")
		return polkit.Result.YES;
});`
	ruleAt = "/etc/polkit-1/rules.d/10-lab.rules"
)

// Users of the guest's file system.
const (
	root   = 0
	daemon = 1
	nobody = 65534
)

// conns is a manager of conns that are names only.
type conns struct {
	mu   sync.Mutex
	done []string
}

func (c *conns) Up(_ context.Context, names []string) error   { return c.change("up", names[0]) }
func (c *conns) Down(_ context.Context, names []string) error { return c.change("down", names[0]) }

func (c *conns) change(verb, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name {
	case "north":
		c.done = append(c.done, verb+" "+name)
		return nil
	case "broken":
		return errors.New("there is a route in the way")
	}
	return fmt.Errorf("%w: %q is not in /etc/ipsec.conf", ipsecifd.ErrNoConn, name)
}

func (c *conns) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.done
	c.done = nil
	return done
}

// offer runs a service on a bus until the test ends. Its log can be read.
func offer(t *testing.T, on bus.Bus) (*service.Service, *conns, <-chan string) {
	t.Helper()
	log, manager := make(chan string, 100), &conns{}
	s := service.New(on, manager, "1.2.3", func(line string) { log <- line })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return s, manager, log
}

// callAs calls a method of the manager as a user. The bus knows the user of a
// client by the thread that has connected to it.
func callAs(uid int, address string, method string, args ...any) (body []any, err error) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with this function
		if _, _, no := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); no != 0 {
			done <- no
			return
		}
		c, err := dbus.Dial(address)
		if err == nil {
			defer c.Close()
			err = errors.Join(c.Auth([]dbus.Auth{dbus.AuthExternal(fmt.Sprint(uid))}), c.Hello())
		}
		if err == nil {
			call := c.Object(service.Name, service.Path).Call(service.ManagerName+"."+method, 0, args...)
			body, err = call.Body, call.Err
		}
		done <- err
	}()
	err = <-done
	return body, err
}

const systemBus = "unix:path=/run/dbus/system_bus_socket"

// errorName returns the name of a bus error.
func errorName(err error) string {
	var answer dbus.Error
	if errors.As(err, &answer) {
		return answer.Name
	}
	return fmt.Sprint(err)
}

// install puts our files where the packages do.
func install(t *testing.T) {
	t.Helper()
	for from, to := range map[string]string{busPolicy: busPolicyAt, polkitAction: actionAt} {
		text, err := os.ReadFile(from)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig")
}

// eventually waits for something to become true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// onBus waits until somebody has the name.
func onBus(t *testing.T) {
	t.Helper()
	eventually(t, "the name on the bus", func() bool {
		return exec.Command("busctl", "status", service.Name).Run() == nil
	})
}

// of is a state without problems.
func of(conns ...service.Conn) service.State { return service.State{Conns: conns} }

var north = service.Conn{
	Name: "north/1x2", Condition: "in sync", Owners: []string{"admin"}, Link: "ipsec1", IfID: 1, Peers: []string{"192.1.2.23"},
}

var south = service.Conn{Name: "south", Condition: "down"}

const northPath = "/io/github/ipsecif/Ipsecif1/conn/north_2f1x2"

// TestBusctl reads with busctl what the service tells.
func TestBusctl(t *testing.T) {
	hosts.Require(t)
	install(t)
	s, manager, _ := offer(t, bus.Bus{})
	s.Tell(of(south, north))
	onBus(t)
	for command, want := range map[string][]string{
		"busctl tree --list io.github.ipsecif.Ipsecif1":                            {"/io/github/ipsecif/Ipsecif1/conn/south", northPath},
		"busctl introspect io.github.ipsecif.Ipsecif1 " + northPath:                {"io.github.ipsecif.Ipsecif1.Conn", ".Condition", "in sync", ".Owners", "192.1.2.23"},
		"busctl introspect io.github.ipsecif.Ipsecif1 /io/github/ipsecif/Ipsecif1": {".Manager", ".Up", ".Down", ".GetManagedObjects", "1.2.3"},
		manage + "List":               {`a(sso) 2 "north/1x2" "in sync" "` + northPath + `" "south" "down" "/io`},
		manage + "Status s north/1x2": {`"Condition" s "in sync"`, `"IfID" u 1`, `"Owners" as 1 "admin"`},
		"busctl get-property io.github.ipsecif.Ipsecif1 " + northPath + " " + connIs + " Peers":                                   {`as 1 "192.1.2.23"`},
		"busctl call io.github.ipsecif.Ipsecif1 /io/github/ipsecif/Ipsecif1 org.freedesktop.DBus.ObjectManager GetManagedObjects": {northPath},
		manage + "Up s north":   {""},
		manage + "Down s south": {""}, // which is not up
	} {
		out := run(t, command)
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%s: there is no %q in\n%s", command, text, out)
			}
		}
	}
	if done := manager.take(); !slices.Equal(done, []string{"up north"}) {
		t.Errorf("done: %q", done)
	}
	for command, want := range map[string]string{
		manage + "Status s east": "no conn east",
		manage + "Up s east":     `no such conn: "east" is not in /etc/ipsec.conf`,
		manage + "Down s broken": "there is a route in the way",
		"busctl get-property io.github.ipsecif.Ipsecif1 " + northPath + " " + connIs + " Nonsense":      "there is no property Nonsense",
		"busctl set-property io.github.ipsecif.Ipsecif1 " + northPath + " " + connIs + " Link s ipsec2": "Link cannot be set",
		"busctl introspect io.github.ipsecif.Ipsecif1 /io/github/ipsecif/Ipsecif1/conn/east":            "there is no object",
	} {
		words := strings.Fields(command)
		out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, want %q in\n%s", command, err, want, out)
		}
	}
}

const (
	manage = "busctl call io.github.ipsecif.Ipsecif1 /io/github/ipsecif/Ipsecif1 io.github.ipsecif.Ipsecif1.Manager "
	connIs = "io.github.ipsecif.Ipsecif1.Conn"
)

// TestSignals wants one signal for each change, with what has changed alone.
func TestSignals(t *testing.T) {
	hosts.Require(t)
	install(t)
	s, _, _ := offer(t, bus.Bus{})
	s.Tell(of(north))
	onBus(t)
	c, err := dbus.Connect(systemBus)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	signals := make(chan *dbus.Signal, 10)
	c.Signal(signals)
	if err := c.AddMatchSignal(dbus.WithMatchSender(service.Name)); err != nil {
		t.Fatal(err)
	}
	next := func() *dbus.Signal {
		t.Helper()
		for {
			select {
			case signal := <-signals:
				if signal.Path != "/org/freedesktop/DBus" {
					return signal
				}
			case <-time.After(10 * time.Second):
				t.Fatal("there is no signal")
			}
		}
	}
	s.Tell(of(north)) // nothing has changed
	broken := north
	broken.Condition, broken.Problems = "blocked", []string{"a route is in the way"}
	s.Tell(of(broken))
	changed := map[string]dbus.Variant{"Condition": dbus.MakeVariant("blocked"), "Problems": dbus.MakeVariant(broken.Problems)}
	got := next()
	if got.Path != northPath || got.Name != "org.freedesktop.DBus.Properties.PropertiesChanged" || !reflect.DeepEqual(got.Body, []any{connIs, changed, []string{}}) {
		t.Errorf("got %+v", got)
	}
	s.Tell(of(broken, south))
	got = next()
	interfaces, _ := got.Body[1].(map[string]map[string]dbus.Variant)
	if got.Path != service.Path || got.Name != "org.freedesktop.DBus.ObjectManager.InterfacesAdded" ||
		got.Body[0] != dbus.ObjectPath("/io/github/ipsecif/Ipsecif1/conn/south") || interfaces[connIs]["Condition"].Value() != "down" {
		t.Errorf("got %+v", got)
	}
	s.Tell(service.State{Conns: []service.Conn{broken, south}, Problems: []string{"an error"}})
	changed = map[string]dbus.Variant{"Problems": dbus.MakeVariant([]string{"an error"})}
	if got = next(); got.Path != service.Path || !reflect.DeepEqual(got.Body, []any{service.ManagerName, changed, []string{}}) {
		t.Errorf("got %+v", got)
	}
	s.Tell(service.State{Conns: []service.Conn{south}, Problems: []string{"an error"}})
	got = next()
	if names, _ := got.Body[1].([]string); got.Name != "org.freedesktop.DBus.ObjectManager.InterfacesRemoved" || got.Body[0] != dbus.ObjectPath(northPath) || !slices.Contains(names, connIs) {
		t.Errorf("got %+v", got)
	}
}

// TestPolkit lets everybody read, and change only whom the real polkit allows it.
func TestPolkit(t *testing.T) {
	hosts.Require(t)
	install(t)
	if err := errors.Join(os.MkdirAll(filepath.Dir(ruleAt), 0o755), os.WriteFile(ruleAt, []byte(rule), 0o644)); err != nil {
		t.Fatal(err)
	}
	run(t, "systemctl restart polkit.service")
	s, manager, log := offer(t, bus.Bus{})
	s.Tell(of(north, service.Conn{Name: "broken"}))
	onBus(t)
	const denied, wantsPassword = "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
	for _, uid := range []int{root, daemon, nobody} {
		if body, err := callAs(uid, systemBus, "Status", "north/1x2"); err != nil || len(body) != 1 {
			t.Errorf("user %d reads: %v, %v", uid, body, err)
		}
	}
	for _, tt := range []struct {
		uid         int
		method, arg string
		want        string
	}{
		{root, "Up", "north", "<nil>"},
		{root, "Down", "east", "io.github.ipsecif.Ipsecif1.Error.NoSuchConn"},
		{root, "Up", "broken", "io.github.ipsecif.Ipsecif1.Error.Failed"},
		{daemon, "Up", "north", "<nil>"},
		{daemon, "Up", "broken", wantsPassword},
		{daemon, "Down", "north", wantsPassword},
		{nobody, "Up", "north", wantsPassword},
		{nobody, "Up", "made up", "io.github.ipsecif.Ipsecif1.Error.NoSuchConn"}, // and nobody is asked
	} {
		_, err := callAs(tt.uid, systemBus, tt.method, tt.arg)
		if errorName(err) != tt.want {
			t.Errorf("user %d: %s %s: %s, %v; want %s", tt.uid, tt.method, tt.arg, errorName(err), err, tt.want)
		}
	}
	// busctl would wait for a password, but there is nobody who could be asked.
	refused(t, "Access denied", manage+"Up s north")
	refused(t, "polkit needs a password", strings.Replace(manage, "busctl", "busctl --allow-interactive-authorization=no", 1)+"Up s north")
	run(t, "systemctl mask --runtime --now polkit.service")
	defer run(t, "systemctl unmask --runtime polkit.service")
	for uid, want := range map[int]string{root: "<nil>", daemon: denied, nobody: denied} {
		_, err := callAs(uid, systemBus, "Up", "north")
		if errorName(err) != want || err != nil && !strings.Contains(err.Error(), "polkit") {
			t.Errorf("user %d without polkit: %v", uid, err)
		}
	}
	if done := manager.take(); !slices.Equal(done, []string{"up north", "up north", "up north"}) {
		t.Errorf("done: %q", done)
	}
	for _, uid := range []int{root, daemon, root} {
		if line, want := <-log, fmt.Sprintf("north: up, as user %d has asked for on the bus", uid); line != want {
			t.Errorf("log: %q, want %q", line, want)
		}
	}
	// Whoever is not root cannot be the service either.
	refused(t, "Access denied", "busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus RequestName su io.github.ipsecif.Ipsecif1 2")
}

// refused runs a command as a user without rights, and wants it to fail.
func refused(t *testing.T, why, command string) {
	t.Helper()
	words := append([]string{"--reuid=65534", "--regid=65534", "--clear-groups"}, strings.Fields(command)...)
	if out, err := exec.Command("setpriv", words...).CombinedOutput(); err == nil || !strings.Contains(string(out), why) {
		t.Errorf("%s: %v, want %q in\n%s", command, err, why, out)
	}
}

// TestWithoutBus starts without a bus, and comes on it whenever there is one.
func TestWithoutBus(t *testing.T) {
	hosts.Require(t)
	dir := t.TempDir()
	address := "unix:path=" + filepath.Join(dir, "bus")
	config := filepath.Join(dir, "bus.conf")
	start := func(policy string) *exec.Cmd {
		text := `<busconfig><type>system</type><listen>` + address + `</listen><auth>EXTERNAL</auth><policy context="default">` +
			`<allow user="*"/><allow send_destination="*"/><allow receive_sender="*"/><deny own="*"/></policy>` + policy + `</busconfig>`
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(dir, "bus"))
		daemon := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile")
		daemon.Stderr = os.Stderr
		if err := daemon.Start(); err != nil {
			t.Fatal(err)
		}
		return daemon
	}
	stop := func(daemon *exec.Cmd) {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	}
	s, _, log := offer(t, bus.Bus{Address: address})
	s.Tell(of(north))
	says := func(want string) {
		t.Helper()
		select {
		case line := <-log:
			if !strings.Contains(line, want) {
				t.Fatalf("log: %q, want %q", line, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("nothing is logged, want %q", want)
		}
	}
	says("not on the system bus, trying again: connecting to the bus at " + address)
	without := start("")
	says("is io.github.ipsecif.Ipsecif1.conf in /usr/share/dbus-1/system.d?")
	stop(without)
	says("not on the system bus")
	with := start(`<policy user="root"><allow own="` + service.Name + `"/></policy>`)
	says("on the system bus as " + service.Name)
	if body, err := callAs(root, address, "Status", "north/1x2"); err != nil || len(body) != 1 {
		t.Errorf("read: %v, %v", body, err)
	}

	// Nobody waits for a bus that does not go on.
	if err := with.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	const many, times = 2000, 50 // more than fits into the socket
	began := time.Now()
	for i := range times {
		state := of(north)
		for n := range many {
			state.Conns = append(state.Conns, service.Conn{Name: fmt.Sprintf("c%d", n), Condition: fmt.Sprint(i)})
		}
		s.Tell(state)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("telling took %v", took)
	}
	if err := with.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last state", func() bool {
		body, err := callAs(root, address, "Status", fmt.Sprintf("c%d", many-1))
		return err == nil && body[0].(map[string]dbus.Variant)["Condition"].Value() == fmt.Sprint(times-1)
	})
	stop(with)
	says("not on the system bus, trying again: the bus has gone")
}
