package contract

import (
	"runtime"
	"testing"

	"github.com/ipsecif/ipsecif/updown/kernel"
	"golang.org/x/sys/unix"
)

// newNamespace puts the thread of a test, and what it starts, into a network
// namespace of its own. It stays locked, so it dies with the namespace.
func newNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

// newKernel opens the real kernel in a network namespace of its own.
func newKernel(t *testing.T) *kernel.Kernel {
	t.Helper()
	newNamespace(t)
	k, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}
