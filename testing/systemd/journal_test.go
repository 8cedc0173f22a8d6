package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/admin"
)

// TestLog finds in the real journal what a hook prints: told to it directly,
// and by syslog where only that is there.
func TestLog(t *testing.T) {
	hosts.Require(t)
	const socket = "/run/systemd/journal/socket"
	for _, tt := range []struct{ transport, hook string }{{"journal", "IPSECIF_HOOK=10-hello"}, {"syslog", ""}} {
		t.Run(tt.transport, func(t *testing.T) {
			if tt.transport == "syslog" {
				if err := os.Rename(socket, socket+".away"); err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := os.Rename(socket+".away", socket); err != nil {
						t.Error(err)
					}
				}()
			}
			dir := t.TempDir()
			hook := filepath.Join(dir, "hooks.d", "10-hello")
			if err := errors.Join(os.Mkdir(filepath.Dir(hook), 0o755), os.WriteFile(hook, []byte("#!/bin/sh\nread event; echo got $event\nexit 3\n"), 0o755)); err != nil {
				t.Fatal(err)
			}
			// The process that is started finds nothing to do: it would be this test.
			h := admin.Hooks{Dir: filepath.Dir(hook), StateDir: dir, Args: []string{"-test.run=^$"}}
			if err := h.Start(tt.transport, nil); err != nil {
				t.Fatal(err)
			}
			if err := h.Run(admin.OpenLog()); err != nil {
				t.Fatal(err)
			}
			// Warnings are all that a hook's failure may be.
			for priority, want := range map[journal.Priority]string{
				journal.PriInfo: `hook 10-hello: got "` + tt.transport + `"`, journal.PriWarning: "hook 10-hello: exit status 3 after ",
			} {
				find := strings.TrimSpace("journalctl -q -o cat -t ipsecif _TRANSPORT=" + tt.transport + " PRIORITY=" + string(rune('0'+priority)) + " " + tt.hook)
				for end := time.Now().Add(10 * time.Second); !strings.Contains(run(t, find), want); time.Sleep(20 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%s has no %q, but\n%s\nof\n%s", find, want, run(t, find), run(t, "journalctl -q -n 20 -o verbose"))
					}
				}
			}
		})
	}
}
