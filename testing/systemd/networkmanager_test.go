package systemd

import (
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/networkmanager"
)

const (
	pluginName   = "org.freedesktop.NetworkManager.libreswan"
	pluginPolicy = "/etc/dbus-1/system.d/nm-libreswan-service.conf"
	// As the plugin's package has it: root may be it, and call it.
	policy = `<busconfig><policy user="root"><allow own="` + pluginName + `"/><allow send_destination="` + pluginName + `"/></policy></busconfig>`
)

// plugin is in the place of NetworkManager's plugin, with the interface of its
// file nm-libreswan-helper-service.xml.
type plugin struct {
	told chan map[string]string
	hang chan struct{} // closed, or it does not answer
}

// Callback is the method.
func (p *plugin) Callback(env map[string]string) *dbus.Error {
	p.told <- env
	<-p.hang
	return nil
}

// TestNotify tells a service with the plugin's name on the system bus, one that
// does not answer, and none.
func TestNotify(t *testing.T) {
	hosts.Require(t)
	if err := os.WriteFile(pluginPolicy, []byte(policy), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig")
	env := map[string]string{
		"PATH": "/bin", "PLUTO_NM_CONFIGURED": "1", "PLUTO_VERB": "up-client", "PLUTO_PEER": "192.1.2.23", "PLUTO_MY_SOURCEIP": "192.0.2.7",
		"PLUTO_PEER_DNS_INFO": "10.1.0.53", "PLUTO_PEER_DOMAIN_INFO": "one.example.net", "PLUTO_PEER_BANNER": "Welcome\x00",
	}
	ctx := context.Background()
	err := networkmanager.Plugin{}.Notify(ctx, env)
	if want := "NetworkManager's plugin for libreswan does not run: Callback of " + pluginName + ": "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("without the plugin: error %v\nwant %s", err, want)
	}

	system, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()
	p := &plugin{make(chan map[string]string, 2), make(chan struct{})}
	reply, err := system.RequestName(pluginName, dbus.NameFlagDoNotQueue)
	if err := errors.Join(err, system.Export(p, "/org/freedesktop/NetworkManager/libreswan/helper", pluginName+".helper")); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	begin := time.Now()
	err = networkmanager.Plugin{}.Notify(ctx, env)
	if took := time.Since(begin); err == nil || !strings.Contains(err.Error(), "no answer in time") || took > 8*time.Second {
		t.Errorf("a plugin that hangs: error %v after %v", err, took)
	}
	close(p.hang)
	if err := (networkmanager.Plugin{}).Notify(ctx, env); err != nil {
		t.Error(err)
	}
	delete(env, "PATH")
	delete(env, "PLUTO_NM_CONFIGURED")
	env["PLUTO_PEER_BANNER"] = "Welcome?"
	for range 2 {
		if told := <-p.told; !maps.Equal(told, env) {
			t.Errorf("told %q\nwant %q", told, env)
		}
	}
}
