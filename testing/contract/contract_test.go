package contract

import (
	"flag"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the cases anew from the fake; the lab then tells whether they are true")

func TestFake(t *testing.T) {
	for _, file := range Files(t, "testdata") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			Run(t, fake.New(), file, *update)
		})
	}
}

func TestKernel(t *testing.T) {
	hosts.Require(t)
	for _, file := range Files(t, "testdata") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			// The thread stays locked, so it dies with its namespace.
			runtime.LockOSThread()
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				t.Fatal(err)
			}
			k, err := kernel.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			Run(t, k, file, false)
		})
	}
}
