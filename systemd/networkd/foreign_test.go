package networkd_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/systemd/networkd"
)

// TestReadForeign reads settings from files in several directories.
func TestReadForeign(t *testing.T) {
	yes, none := networkd.Setting{Yes: true}, networkd.Foreign{}
	none.Routes, none.Rules, none.NextHops = yes, yes, yes
	no := func(where string) networkd.Setting { return networkd.Setting{Where: where} }
	for name, tt := range map[string]struct {
		files map[string]string
		want  networkd.Foreign
	}{
		"none": {nil, none},
		"the first main file counts": {map[string]string{
			"usr/lib/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\n",
			"etc/systemd/networkd.conf":     "[Network]\n#ManageForeignRoutes=no\n ManageForeignNextHops = off \n",
		}, networkd.Foreign{Routes: yes, Rules: yes, NextHops: no("/etc/systemd/networkd.conf:3")}},
		"drop-ins come after it, by name": {map[string]string{
			"etc/systemd/networkd.conf":                  "[Network]\nManageForeignRoutes=yes\nManageForeignRoutingPolicyRules=no\n",
			"usr/lib/systemd/networkd.conf.d/90-b.conf":  "[Network]\nManageForeignRoutes=false\n",
			"etc/systemd/networkd.conf.d/10-a.conf":      "[Network]\nManageForeignRoutes=1\nManageForeignRoutingPolicyRules=true\n",
			"etc/systemd/networkd.conf.d/95-c.conf.save": "[Network]\nManageForeignRoutes=yes\n",
		}, networkd.Foreign{
			Routes: no("/usr/lib/systemd/networkd.conf.d/90-b.conf:2"),
			Rules:  networkd.Setting{Yes: true, Where: "/etc/systemd/networkd.conf.d/10-a.conf:3"}, NextHops: yes,
		}},
		"one of a name counts, even if it is empty": {map[string]string{
			"usr/lib/systemd/networkd.conf.d/50-x.conf": "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n",
			"run/systemd/networkd.conf.d/50-x.conf":     "",
		}, none},
		"other sections, words and keys do not count": {map[string]string{
			"run/systemd/networkd.conf": "ManageForeignRoutes=no\n[DHCPv4]\nManageForeignRoutes=no\n[Network]\nManageForeignRoutes=perhaps\nmanageforeignroutes=no\n",
		}, none},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for file, text := range tt.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, err := networkd.ReadForeign(root); err != nil || got != tt.want {
				t.Errorf("%+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

// TestReadForeignError names a file that cannot be read, and goes on.
func TestReadForeignError(t *testing.T) {
	root := fstest.MapFS{
		"etc/systemd/networkd.conf":               &fstest.MapFile{Mode: fs.ModeDir},
		"run/systemd/networkd.conf.d/50-x.conf":   &fstest.MapFile{Data: []byte("[Network]\nManageForeignRoutes=no\n")},
		"usr/lib/systemd/networkd.conf.d/no.conf": &fstest.MapFile{Mode: fs.ModeDir},
	}
	got, err := networkd.ReadForeign(root)
	if err == nil || !strings.Contains(err.Error(), "etc/systemd/networkd.conf") || got.Routes.Where != "/run/systemd/networkd.conf.d/50-x.conf:2" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAdvice says what applies.
func TestAdvice(t *testing.T) {
	yes, no := networkd.Setting{Yes: true}, networkd.Setting{Where: "/etc/systemd/networkd.conf:7"}
	for want, f := range map[string]networkd.Foreign{
		"systemd-networkd leaves alone what others make: routes (/etc/systemd/networkd.conf:7), rules (/etc/systemd/networkd.conf:7), nexthops (/etc/systemd/networkd.conf:7)": {Routes: no, Rules: no, NextHops: no},
		"systemd-networkd deletes what others make of rules (the default), nexthops (the default), and leaves alone routes (/etc/systemd/networkd.conf:7)":                     {Routes: no, Rules: yes, NextHops: yes},
		"systemd-networkd deletes what others make, except with the protocol kernel or on interfaces that it does not manage: " +
			"routes (the default), rules (the default), nexthops (the default)": {Routes: yes, Rules: yes, NextHops: yes},
	} {
		if got := f.Advice(); got != want || f.Deletes() != strings.Contains(want, "deletes") {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
