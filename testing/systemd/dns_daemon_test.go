package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// TestDaemonKeepsNames loses a link of which systemd-resolved was told name
// servers by an IKE daemon's hook: the daemon makes it again, with them; and it
// takes them back when the tunnel goes without a word of the IKE daemon.
func TestDaemonKeepsNames(t *testing.T) {
	hosts.Require(t)
	install(t)
	file := keeper(t)
	onBus(t)
	state := filepath.Join(filepath.Dir(file), "state")
	ipsecif := func(env []string, args ...string) {
		t.Helper()
		c := exec.Command(os.Getenv("IPSECIF_BIN"), append([]string{"--config", file, "--state-dir", state}, args...)...)
		c.Env = env
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("ipsecif %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	ipsecif([]string{
		"PATH=/usr/sbin:/usr/bin", "PLUTO_VERB=up-client", "PLUTO_STACK=xfrm", "PLUTO_CONNECTION=byhand", "PLUTO_CONN_KIND=CK_PERMANENT",
		"PLUTO_CONN_ADDRFAMILY=ipv4", "PLUTO_VIRT_INTERFACE=ipsec2", "PLUTO_INTERFACE=wan", "PLUTO_XFRMI_ROUTE=yes", "PLUTO_NEXT_HOP=192.1.3.254",
		"PLUTO_ME=192.1.3.209", "PLUTO_PEER=192.1.2.24", "PLUTO_MY_CLIENT=192.0.2.7/32", "PLUTO_MY_CLIENT_NET=192.0.2.7", "PLUTO_MY_SOURCEIP=192.0.2.7",
		"PLUTO_PEER_CLIENT=10.2.0.0/16", "PLUTO_PEER_CLIENT_NET=10.2.0.0", "PLUTO_CLIENT_FAMILY=ipv4", "PLUTO_SA_REQID=16389",
		"PLUTO_CFG_CLIENT=1", "PLUTO_PEER_DNS_INFO=" + tunnel, "PLUTO_PEER_DOMAIN_INFO=two.example.net",
		"INTERFACE_IP=192.0.2.7/32",
	}, "updown")
	has := func() bool { return strings.Contains(run(t, "resolvectl dns"), tunnel) }
	if !has() {
		t.Fatalf("the hook has told nobody:\n%s", run(t, "resolvectl dns"))
	}
	run(t, "ip link del ipsec2")
	eventually(t, "the name server of the link that was made again", func() bool {
		return exec.Command("ip", "link", "show", "dev", "ipsec2").Run() == nil && has()
	})
	// Who takes the claim away knows nothing of resolvers.
	run(t, manage+"Down s byhand")
	eventually(t, "that nothing is left", func() bool { return !has() })
	if _, err := os.Stat(filepath.Join(state, "dns.json")); err == nil {
		t.Error("dns.json is still there")
	}
}
