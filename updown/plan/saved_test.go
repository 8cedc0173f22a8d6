package plan

import (
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// TestSavedReadsBack has one record of each kind, and those that nobody wrote.
func TestSavedReadsBack(t *testing.T) {
	op, err := ParseOp("ip -6 route add prohibit 2001:db8::/32 table 50 metric 7 proto static")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		saved Saved
		want  Object
	}{
		{savedOf(xfrmi.Attr{Link: "eth0", Name: "state", Value: "down"}, xfrmi.Attr{Link: "eth0", Name: "state", Value: "up"}),
			xfrmi.Attr{Link: "eth0", Name: "state", Value: "down"}},
		{savedOf(routing.Sysctl{Link: "eth0", Name: "rp_filter", Value: 1}, routing.Sysctl{Link: "eth0", Name: "rp_filter", Value: 2}),
			routing.Sysctl{Link: "eth0", Name: "rp_filter", Value: 1}},
		{Saved{Kind: SavedForeign, Was: Making(op.Object).String()}, op.Object},
	} {
		if err := tt.saved.Check(); err != nil || tt.saved.Object() != tt.want {
			t.Errorf("%v: %v %v", tt.saved, tt.saved.Object(), err)
		}
	}
	for _, tt := range []struct {
		saved Saved
		want  string
	}{
		{Saved{}, `kind "" is not known`},
		{Saved{Kind: "sysctl", Was: "x"}, `"x"`},
		{Saved{Kind: SavedForeign, Was: "ip -4 route"}, "verb is missing"},
		{Saved{Kind: SavedForeign, Was: "ip -4 route del default dev eth0 table main"}, "makes no route or rule"},
		{Saved{Kind: SavedForeign, Was: "ip link add eth0 type dummy"}, "makes no route or rule"},
	} {
		if err := tt.saved.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.saved, err, tt.want)
		}
	}
}
