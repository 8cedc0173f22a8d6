package boot

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// install does what an administrator does, and no more.
func install(t *testing.T) {
	place(t, "machine.txtar")
	sh(t, "dpkg -i "+deb)
	is(t, "systemctl is-enabled ipsecif", "enabled")
	is(t, "systemctl is-active ipsecif || true", "inactive")
	is(t, "dpkg -V ipsecif", "")
	is(t, "systemd-analyze verify --man=no ipsecif.service ipsecif@road.service 2>&1 | grep ipsecif || true", "")
	is(t, "ip route show proto ipsecif", "")
	sh(t, "systemctl unmask ipsec && systemctl enable ipsec world peer")
	sh(t, "ipsec checknss") // pluto's unit would do it; here two of them need it at once
}

// tunnel finds everything up after the boot.
func tunnel(t *testing.T) {
	became := uptime(t)
	connected(t)
	up := uptime(t)
	encrypted(t)
	is(t, "systemctl is-active ipsecif ipsec", "active\nactive")
	sh(t, "ipsecif status")
	ready, pluto := moment(t, "ipsecif", "ActiveEnterTimestampMonotonic"), moment(t, "ipsec", "InactiveExitTimestampMonotonic")
	if ready > pluto {
		t.Errorf("ipsec was started %v after the boot, and ipsecif was ready only at %v", pluto, ready)
	}
	t.Logf("after the boot: ipsecif started at %v and was ready at %v; ipsec started at %v and was ready at %v; all units at %v, the tunnel at %v",
		moment(t, "ipsecif", "InactiveExitTimestampMonotonic"), ready, pluto, moment(t, "ipsec", "ActiveEnterTimestampMonotonic"), became, up)
}

// uptime is the time since the kernel's start.
func uptime(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	d, err := time.ParseDuration(strings.Fields(string(text))[0] + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// features has a unit of its own for each kind of conn, whose limits are those of
// the daemon's unit, and finds that all work but netns=, which has a drop-in.
func features(t *testing.T) {
	sh(t, "systemctl stop ipsec ipsecif && ipsecif down --all") // one tunnel for everything refuses some of the others
	place(t, "features.txtar")
	sh(t, "/usr/local/sbin/neighbours")
	before := sh(t, state)
	for _, name := range []string{"segments", "firewall", "proxy", "vti", "vrf", "source", "named"} {
		sh(t, "systemctl start ipsecif@"+name+" || { journalctl -q -u ipsecif@"+name+"; false; }")
		sh(t, "ipsecif status "+name)
		if sh(t, state) == before {
			t.Errorf("the unit of %s has changed nothing", name)
		}
		sh(t, "ip link del dev "+sh(t, "ipsecif --json status "+name+" | sed -n 's/.*\"link\": \"\\(.*\\)\".*/\\1/p' | head -n 1"))
		sh(t, "systemctl reload ipsecif@"+name+" && ipsecif status "+name)
		sh(t, "systemctl stop ipsecif@"+name)
		restored(t, name, before)
	}

	staleNameServer(t)

	const refused = "entering network namespace inner: operation not permitted; this needs root with CAP_SYS_ADMIN, which the units have with the drop-in netns.conf"
	sh(t, "systemctl start ipsecif && ipsecif status road") // its neighbour is no concern of the conn's
	for _, unit := range []string{"ipsecif", "ipsecif@inner"} {
		sh(t, "systemctl restart "+unit+" || true")
		if log := sh(t, "journalctl -q -o cat -u "+unit); !strings.Contains(log, refused) {
			t.Errorf("the log of %s is\n%s", unit, log)
		}
		is(t, "ip -n inner -o link show type xfrm", "")
		dropIn := "/etc/systemd/system/" + strings.TrimSuffix(unit, "inner") + ".service.d/netns.conf"
		sh(t, "install -D -m 644 /usr/share/doc/ipsecif/examples/netns.conf "+dropIn+" && systemctl daemon-reload")
		sh(t, "systemctl restart "+unit+" || { journalctl -q -u "+unit+"; false; }")
		sh(t, "ip -n inner link show ipsec38 && ipsecif status inner")
		// What is there may not be forgotten when it cannot be taken away.
		sh(t, "rm "+dropIn+" && systemctl daemon-reload && systemctl stop "+unit)
		sh(t, "ip -n inner link show ipsec38 && ipsecif status inner && ipsecif down --all")
		restored(t, unit, before)
	}
	sh(t, "rm /etc/ipsecif.conf")
}

// staleNameServer is a line in resolv.conf from before the last boot. The daemon
// takes it away with the drop-in, and says that it cannot without.
func staleNameServer(t *testing.T) {
	t.Helper()
	const file, before, stale = "/etc/resolv.conf", "nameserver 192.1.3.254", "nameserver 10.1.0.53"
	sh(t, "rm "+file) // a link to the file of systemd-resolved
	if err := os.WriteFile(file, []byte("# added by ipsecif: "+stale+"\n"+stale+"\n"+before+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	sh(t, "systemctl restart ipsecif")
	becomes(t, "journalctl -q -o cat -u ipsecif | grep -c 'resolv.conf.*read-only file system'", "1")
	sh(t, "install -D -m 644 /usr/share/doc/ipsecif/examples/resolv-conf.conf -t /etc/systemd/system/ipsecif.service.d && systemctl daemon-reload && systemctl restart ipsecif")
	becomes(t, "cat "+file, before)
	sh(t, "rm /etc/systemd/system/ipsecif.service.d/resolv-conf.conf && systemctl daemon-reload && systemctl stop ipsecif && ipsecif down --all")
}

// restored compares line by line what a unit leaves with what was there before.
func restored(t *testing.T, name, before string) {
	t.Helper()
	lines, after := strings.Split(before, "\n"), strings.Split(sh(t, state), "\n")
	if gone := missing(lines, after); len(gone) > 0 {
		t.Errorf("the unit of %s has taken away\n%s", name, strings.Join(gone, "\n"))
	}
	if more := missing(after, lines); len(more) > 0 {
		t.Errorf("the unit of %s leaves\n%s", name, strings.Join(more, "\n"))
	}
}

// missing returns the lines that are not in the others.
func missing(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return slices.Contains(others, l) })
}

// state prints what the conns of features may leave behind.
const state = "ls /sys/class/net; ip -o addr show lan; ip rule; ip -6 rule; ip route show table all | grep -v 'dev wan'; ip neigh show proxy; nft -s list ruleset; " +
	"for s in rp_filter proxy_ndp disable_policy; do grep -s . /proc/sys/net/ipv[46]/conf/*/$s; done; ip -n inner -o link show"

// service stops, restarts and kills the daemon, and no packet is lost.
func service(t *testing.T) {
	connected(t)
	const interfaceIndex = "cat /sys/class/net/ipsec1/ifindex"
	index := sh(t, interfaceIndex)
	for _, line := range []string{"systemctl reload ipsecif", "systemctl restart ipsecif", "systemctl stop ipsecif", "systemctl start ipsecif", "dpkg -i " + deb} {
		pid := sh(t, mainPID)
		during(t, line)
		if same := sh(t, mainPID) == pid; same != strings.Contains(line, "reload") {
			t.Errorf("%s: the daemon was process %s, is %s", line, pid, sh(t, mainPID))
		}
	}
	sh(t, "ipsecif status")

	// Killed while a rule is missing, and with something left over.
	pid := sh(t, mainPID)
	sh(t, "ip link add ipsec9 type xfrm if_id 9 && ip link set dev ipsec9 alias ipsecif:9")
	during(t, "systemctl kill --kill-whom=main -s KILL ipsecif && ip rule del priority 98 && timeout 20 sh -c 'until systemctl -q is-active ipsecif && ipsecif status >/dev/null; do :; done'")
	if sh(t, mainPID) == pid {
		t.Errorf("the daemon is process %s still", pid)
	}
	is(t, "ls /sys/class/net | grep -c ipsec9 || true", "0")
	is(t, interfaceIndex, index)
	encrypted(t)

	// gc does nothing with a configuration that it cannot read, and that is not the
	// unit's failure.
	during(t, "echo nonsense >/etc/ipsecif.conf && systemctl stop ipsecif")
	is(t, "systemctl is-active ipsecif || true", "inactive")
	is(t, "journalctl -q -o cat -u ipsecif -n 20 | grep -c 'without the whole configuration it is not known which interfaces are in use'", "1")
	sh(t, "rm /etc/ipsecif.conf && systemctl start ipsecif && ipsecif status")
}

const mainPID = "systemctl show --value -p MainPID ipsecif"

// remove takes the package away; the tunnel stays.
func remove(t *testing.T) {
	connected(t)
	during(t, "dpkg -r ipsecif")
	is(t, "systemctl is-active ipsecif || true", "inactive")
	encrypted(t)
	sh(t, "dpkg -P ipsecif")
	is(t, "find /etc /usr /var -xdev -name '*ipsecif*' -not -path '/var/lib/dpkg/*'", "")
}
