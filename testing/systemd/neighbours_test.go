package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// networkFile puts a text in networkd's folder of the name, below /run/systemd.
func networkFile(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join("/run/systemd", folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
		run(t, "networkctl reload")
	})
}

// shipped is one of the files for neighbours.
func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../systemd/neighbours/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// setupState waits until networkd says what it does with a link.
func setupState(t *testing.T, link, want string) {
	t.Helper()
	var state string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		// IDX LINK TYPE OPERATIONAL SETUP
		if fields := strings.Fields(run(t, "networkctl --no-legend --no-pager list "+link)); len(fields) == 5 {
			if state = fields[4]; state == want {
				return
			}
		}
	}
	t.Errorf("networkd has %s as %s, want %s", link, state, want)
}

// TestUnmanaged has a file for networkd that matches every link, which our file
// keeps from ours but not from those that have a file of their own.
func TestUnmanaged(t *testing.T) {
	hosts.Require(t)
	for link, ifID := range map[string]string{"ipsec41": "41", "ipsec42": "42", "office": "43"} {
		run(t, "ip link add "+link+" type xfrm if_id "+ifID)
		defer run(t, "ip link del "+link)
	}
	networkFile(t, "network", "99-all.network", "[Match]\nKind=xfrm\n[Network]\nLinkLocalAddressing=no\n[Link]\nRequiredForOnline=no\n")
	networkFile(t, "network", "50-ipsecif-net.network", "[Match]\nName=ipsec42\n[Network]\nLinkLocalAddressing=no\n")
	run(t, "networkctl reload")
	setupState(t, "ipsec41", "configured")
	const name = "60-ipsecif-unmanaged.network"
	networkFile(t, "network", name, shipped(t, name))
	run(t, "networkctl reload")
	setupState(t, "ipsec41", "unmanaged")
	setupState(t, "ipsec42", "configured")
	setupState(t, "office", "configured")
}

// TestForeign deletes a rule of nobody's with the settings that networkd has, and
// not with those of the example.
func TestForeign(t *testing.T) {
	hosts.Require(t)
	const add, list = "ip rule add priority 5000 from 192.0.2.99 lookup 99 protocol static", "ip rule show priority 5000"
	run(t, "ip link add any0 type dummy")
	defer run(t, "ip link del any0")
	networkFile(t, "network", "10-any.network", "[Match]\nName=any0\n[Network]\nLinkLocalAddressing=no\nAddress=192.0.2.98/32\n")
	kept := func() bool {
		run(t, "systemctl restart systemd-networkd")
		run(t, "networkctl reload")
		setupState(t, "any0", "configured")
		run(t, "networkctl reconfigure any0")
		setupState(t, "any0", "configured")
		return run(t, list) != ""
	}
	run(t, add)
	if kept() {
		t.Error("networkd has kept the rule by itself")
	}
	networkFile(t, "networkd.conf.d", "ipsecif.conf", shipped(t, "networkd-foreign.conf"))
	run(t, add)
	if !kept() {
		t.Error("networkd has deleted the rule although the settings are those of the example")
	}
	run(t, "ip rule del priority 5000")
}
