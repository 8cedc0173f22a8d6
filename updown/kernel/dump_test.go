package kernel

import (
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// TestDumpOfUnknownFamily asks for the rules of a family that no kernel has
// rules for, which it refuses like those of IPv6 when started with
// ipv6.disable=1: there are none.
func TestDumpOfUnknownFamily(t *testing.T) {
	k, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	newRequest := func() *nl.NetlinkRequest {
		req := nl.NewNetlinkRequest(unix.RTM_GETRULE, unix.NLM_F_DUMP)
		req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_X25}})
		return req
	}
	if _, err := k.dumps.one(newRequest(), unix.RTM_NEWRULE); err != unix.EAFNOSUPPORT {
		t.Fatalf("the kernel says %v, want %v", err, unix.EAFNOSUPPORT)
	}
	if err := k.dumps.dump("rules", unix.RTM_NEWRULE, newRequest, func() {}, func(msg []byte) { t.Errorf("a rule: %v", msg) }); err != nil {
		t.Error(err)
	}
}
