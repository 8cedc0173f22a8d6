package main

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	lab.Internal() // this program is also the guest's first process
	testscript.Main(m, map[string]func(){"lab": main})
}

// TestUsage runs the scripts that need no guest.
func TestUsage(t *testing.T) { runScripts(t, "testdata/usage") }

// TestGuest runs the scripts that need the root filesystem and the kernel.
func TestGuest(t *testing.T) {
	if os.Getenv("IPSECIF_LAB") != "" {
		t.Skip("this test starts guests and belongs on the host")
	}
	if err := lab.Prepared(); err != nil {
		if slices.Contains(strings.Split(os.Getenv("IPSECIF_TEST_REQUIRE"), ","), "lab") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	runScripts(t, "testdata/guest")
}

func runScripts(t *testing.T, dir string) {
	cache, err := lab.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("IPSECIF_LAB_CACHE", cache)
			env.Setenv("TMPDIR", env.WorkDir) // console logs of failed runs go with the test
			for _, name := range []string{"IPSECIF_LAB_KERNEL", "IPSECIF_LAB_SUITE"} {
				env.Setenv(name, os.Getenv(name))
			}
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOROOT"} {
				value, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				env.Setenv(name, strings.TrimSpace(string(value)))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// status is the script command "status N PROGRAM [ARG...]": like exec, but the exit status must be N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
