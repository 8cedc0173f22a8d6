package kernel

import (
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// TestOther has the attributes that the lab's kernel does not send; those that
// it does are in testing/contract.
func TestOther(t *testing.T) {
	head := &nl.RtMsg{}
	head.Type, head.Scope, head.Family = unix.RTN_UNICAST, unix.RT_SCOPE_LINK, unix.AF_INET
	if got, want := otherOfRoute(head, map[uint16][]byte{
		unix.RTA_FLOW: nl.Uint32Attr(7), 99: nil, unix.RTA_CACHEINFO: make([]byte, 32), unix.RTA_PREF: {0}, unix.RTA_TABLE: nl.Uint32Attr(50),
	}), "attribute 99 … realms …"; got != want {
		t.Errorf("route: %q, want %q", got, want)
	}
	if got, want := otherOfRule(head, map[uint16][]byte{
		nl.FRA_FLOW: nl.Uint32Attr(7), 99: nil, nl.FRA_PRIORITY: nl.Uint32Attr(100), nl.FRA_SUPPRESS_PREFIXLEN: nl.Uint32Attr(0),
	}), "attribute 99 … realms …"; got != want {
		t.Errorf("rule: %q, want %q", got, want)
	}
}
