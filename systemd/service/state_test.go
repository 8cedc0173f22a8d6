package service

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/daemon"
)

func TestStateOf(t *testing.T) {
	east, west := netip.MustParseAddr("192.1.2.23"), netip.MustParseAddr("192.1.2.24")
	found := daemon.Status{
		Conns: []daemon.ConnStatus{
			{Name: "net", Owner: "admin", Condition: updown.InSync, Link: "ipsec1", IfID: 1, Peer: east, Repairs: 2},
			{Name: "net[pluto a=b via 192.1.2.23]", Owner: "pluto", Condition: updown.Drift, Link: "ipsec1", IfID: 1, Peer: east, Repairs: 1},
			{Name: "net[pluto a=b via 192.1.2.24]", Owner: "pluto", Condition: updown.Waiting, Link: "ipsec1", IfID: 1, Peer: west},
			{Name: "pending", Condition: updown.Blocked, Link: "ipsec2", IfID: 2, Problems: []string{"no address"}},
			{Name: "roads[pluto a=b via any]", Owner: "pluto", Condition: updown.Waiting, Netns: "red"},
		},
		Configured: []daemon.ConnStatus{
			{Name: "idle", Condition: updown.Down, Link: "ipsec7", IfID: 7, VRF: "blue"},
			{Name: "net", Condition: updown.Down, Link: "ipsec1", IfID: 1},
			{Name: "pending", Condition: updown.Down, Link: "ipsec2", IfID: 2},
		},
		Problems: []string{"an error"},
	}
	want := State{
		Conns: []Conn{
			{Name: "net", Condition: "drift", Owners: []string{"admin", "pluto"}, Link: "ipsec1", IfID: 1, Peers: []string{"192.1.2.23", "192.1.2.24"}, Repairs: 3},
			{Name: "pending", Condition: "blocked", Link: "ipsec2", IfID: 2, Problems: []string{"no address"}},
			{Name: "roads", Condition: "waiting for an SA", Owners: []string{"pluto"}, Netns: "red", Peers: []string{"any"}},
			{Name: "idle", Condition: "down", Link: "ipsec7", IfID: 7, VRF: "blue"},
		},
		Problems: []string{"an error"},
	}
	if got := StateOf(found); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
