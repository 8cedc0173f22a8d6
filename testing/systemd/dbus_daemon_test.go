package systemd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/systemd/service"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

const conf = `
conn start
	left=192.1.3.209
	right=192.1.2.23
	rightsubnet=10.1.0.0/16
	ipsec-interface=1
	auto=start

conn byhand
	left=192.1.3.209
	right=192.1.2.24
	rightsubnet=10.2.0.0/16
	ipsec-interface=2
`

const later = `
conn later
	left=192.1.3.209
	right=192.1.2.25
	rightsubnet=10.3.0.0/16
	ipsec-interface=3
`

// keeper runs `ipsecif daemon` with a configuration until the test ends, and
// returns the name of the file.
func keeper(t *testing.T) string {
	t.Helper()
	program := os.Getenv("IPSECIF_BIN")
	if program == "" {
		t.Fatal("IPSECIF_BIN must name the ipsecif to test: CGO_ENABLED=0 go build -o bin/ipsecif ./cmd/ipsecif")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "ipsecif.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "ip link add wan type dummy")
	t.Cleanup(func() { run(t, "ip link del wan") })
	run(t, "ip link set wan up")
	run(t, "ip addr add 192.1.3.209/24 dev wan")
	ctx, cancel := context.WithCancel(context.Background())
	d := exec.CommandContext(ctx, program, "--config", file, "--state-dir", filepath.Join(dir, "state"), "daemon")
	d.Stderr = os.Stderr
	d.Cancel = func() error { return d.Process.Signal(os.Interrupt) }
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = d.Wait()
		out, err := exec.Command(program, "--config", file, "--state-dir", filepath.Join(dir, "state"), "down", "--all").CombinedOutput()
		if err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	return file
}

// listener collects what the service signals.
type listener struct {
	t       *testing.T
	signals chan *dbus.Signal
}

func listen(t *testing.T) listener {
	t.Helper()
	c, err := dbus.Connect(systemBus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	signals := make(chan *dbus.Signal, 100)
	c.Signal(signals)
	if err := c.AddMatchSignal(dbus.WithMatchSender(service.Name)); err != nil {
		t.Fatal(err)
	}
	return listener{t, signals}
}

// until waits for a signal of an object that has a text in what it says.
func (l listener) until(path dbus.ObjectPath, member, text string) {
	l.t.Helper()
	var others []string
	for end := time.After(20 * time.Second); ; {
		select {
		case s := <-l.signals:
			said := dbus.MakeVariant(s.Body).String()
			if s.Path == path && strings.HasSuffix(s.Name, "."+member) && strings.Contains(said, text) {
				return
			}
			others = append(others, string(s.Path)+" "+s.Name+" "+said)
		case <-end:
			l.t.Fatalf("no %s of %s with %s, but\n%s", member, path, text, strings.Join(others, "\n"))
		}
	}
}

// TestDaemonOnBus follows conns on the bus that a real daemon keeps in a real
// kernel.
func TestDaemonOnBus(t *testing.T) {
	hosts.Require(t)
	install(t)
	signals := listen(t)
	file := keeper(t)
	onBus(t)
	const at, byhand = service.Path + "/conn/", service.Path + "/conn/byhand"
	property := func(conn, name string) string {
		t.Helper()
		return strings.TrimSpace(run(t, "busctl get-property "+service.Name+" "+string(at)+conn+" "+connIs+" "+name))
	}
	eventually(t, "the first look", func() bool { return strings.Contains(run(t, manage+"List"), `"start" "in sync"`) })
	for _, tt := range [][3]string{
		{"start", "Owners", `as 1 "daemon"`}, {"start", "Link", `s "ipsec1"`}, {"start", "Peers", `as 1 "192.1.2.23"`}, {"start", "Repairs", "t 0"},
		{"byhand", "Condition", `s "down"`}, {"byhand", "Owners", "as 0"}, {"byhand", "IfID", "u 2"}, {"byhand", "Link", `s "ipsec2"`},
	} {
		if got := property(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s of %s: %s, want %s", tt[1], tt[0], got, tt[2])
		}
	}

	// Up and down, for root alone.
	refused(t, "Access denied", manage+"Up s byhand")
	run(t, manage+"Up s byhand")
	run(t, "ip link show dev ipsec2")
	signals.until(byhand, "PropertiesChanged", `"in sync"`)
	if got := property("byhand", "Owners"); got != `as 1 "admin"` {
		t.Errorf("owners: %s", got)
	}
	run(t, "ip link del ipsec2")
	signals.until(byhand, "PropertiesChanged", `"Repairs": <@t 1>`)
	run(t, "ip link show dev ipsec2")
	run(t, manage+"Down s byhand")
	signals.until(byhand, "PropertiesChanged", `"down"`)
	if exec.Command("ip", "link", "show", "dev", "ipsec2").Run() == nil {
		t.Error("the link is there after Down")
	}
	run(t, manage+"Down s byhand") // where nothing is to be done
	if _, err := callAs(root, systemBus, "Up", "nothing"); errorName(err) != "io.github.ipsecif.Ipsecif1.Error.NoSuchConn" {
		t.Errorf("up nothing: %v", err)
	}

	// The configuration changes.
	write := func(text string) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file+".new", []byte(text), 0o644), os.Rename(file+".new", file)); err != nil {
			t.Fatal(err)
		}
	}
	write(conf + later)
	signals.until(service.Path, "InterfacesAdded", string(at)+"later")
	write(conf)
	signals.until(service.Path, "InterfacesRemoved", string(at)+"later")
	write(conf + "\tnonsense=1\n")
	signals.until(service.Path, "PropertiesChanged", "nonsense")
	write(conf)
	signals.until(service.Path, "PropertiesChanged", `"Problems": <@as []>`)
}
