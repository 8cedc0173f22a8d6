package systemd

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// managedConf has a conn that comes up, and one that cannot.
const managedConf = `
conn well
	left=192.1.3.209
	right=192.1.2.23
	rightsubnet=10.1.0.0/16
	ipsec-interface=1
	auto=add

conn ill
	left=192.1.3.209
	right=192.1.2.24
	rightsubnet=10.2.0.0/16
	ipsec-interface=2
	auto=add
`

// TestDaemonManners runs the daemon as a service: systemd knows when it is ready,
// how it fares, when it has read its configuration again and when it hangs; and
// the journal what it did, by fields.
func TestDaemonManners(t *testing.T) {
	hosts.Require(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "ipsecif.conf")
	if err := os.WriteFile(file, []byte(managedConf), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"ip link add wan type dummy", "ip link set wan up", "ip addr add 192.1.3.209/24 dev wan", "ip route add 10.2.0.0/16 dev wan",
	} {
		run(t, command)
	}
	const unit = "ipsecif-manners"
	ipsecif := os.Getenv("IPSECIF_BIN") + " --config " + file + " --state-dir " + filepath.Join(dir, "state")
	t.Cleanup(func() {
		_ = exec.Command("systemctl", "stop", unit).Run() // it is not loaded any more, unless the test has failed
		run(t, ipsecif+" down --all")
		run(t, "ip link del wan")
	})
	start := func() {
		t.Helper()
		run(t, "systemd-run -q --unit="+unit+" -p Type=notify-reload -p WatchdogSec=2 -p NotifyAccess=main "+ipsecif+" daemon")
	}
	shows := func(property, want string) func() bool {
		return func() bool {
			value := strings.TrimSpace(run(t, "systemctl show --value -p "+property+" "+unit))
			return strings.HasPrefix(value, want)
		}
	}
	start() // and waits until it is ready
	if run(t, "ip link show dev ipsec1"); !shows("StatusText", `1 conn in sync, 1 blocked: ill: cannot add "10.2.0.0/16 dev ipsec2 `)() {
		t.Error(run(t, "systemctl status "+unit))
	}
	eventually(t, "what networkd does in the journal", func() bool {
		return strings.Contains(run(t, "journalctl -q -o cat -t ipsecif"), "systemd-networkd deletes what others make, except with the protocol kernel")
	})
	run(t, "ip link del ipsec1")
	const fields = "journalctl -q -o cat -t ipsecif IPSECIF_CONN=well IPSECIF_IF_ID=1"
	eventually(t, "the repair in the journal", func() bool {
		out, err := exec.Command("sh", "-c", fields+` "IPSECIF_OP=ip link add ipsec1 type xfrm if_id 1"`).Output()
		var exit *exec.ExitError
		return (err == nil || errors.As(err, &exit)) && string(out) == "well: repaired: ip link add ipsec1 type xfrm if_id 1\n"
	})
	run(t, "ip route del 10.2.0.0/16 dev wan")
	eventually(t, "the other conn", shows("StatusText", "2 conns in sync"))
	run(t, "systemctl reload "+unit)
	if !shows("ActiveState", "active")() {
		t.Error(run(t, "systemctl status "+unit))
	}

	// One that hangs is ended, and what was up stays up for the next one.
	run(t, "systemctl kill -s STOP "+unit)
	eventually(t, "the watchdog", shows("Result", "watchdog"))
	run(t, "systemctl reset-failed "+unit)
	run(t, "ip link show dev ipsec1")
	start()
	run(t, "systemctl stop "+unit)
	eventually(t, "its end", func() bool { return exec.Command("systemctl", "is-active", "-q", unit).Run() != nil })
	if out, err := exec.Command("systemctl", "is-failed", unit).Output(); err == nil {
		t.Errorf("it has failed: %s", out)
	}
	run(t, "ip link show dev ipsec1")
}
