package updown_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// TestCounters checks which SAs and links are taken for those of a conn.
func TestCounters(t *testing.T) {
	const us, east, west, comp = "192.0.2.1", "192.0.2.23", "192.0.2.24", 108
	tunnel := func(id xfrmi.IfID, peer string) plan.Tunnel {
		tun := plan.Tunnel{Link: fmt.Sprintf("ipsec%d", id), IfID: id, Scheme: "overlay", Table: 50, Priority: 100, OnLoss: plan.Keep}
		tun.Peer, _ = netip.ParseAddr(peer)
		return tun
	}
	sa := func(id xfrmi.IfID, src, dst string, proto uint8, reqid uint32) plan.SA {
		s := plan.SA{IfID: id, Direction: plan.Out, Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: proto, Reqid: reqid, SPI: reqid}
		if dst == us {
			s.Direction = plan.In
		}
		return s
	}
	k := fake.New()
	k.XfrmErrors = []plan.Count{{Name: "XfrmInNoStates", Value: 3}}
	k.Traffic = map[string]plan.LinkCounters{"ipsec1": {Collisions: 4}, "ipsec9": {Collisions: 5}}
	for _, name := range []string{"ipsec1", "ipsec2", "ipsec9"} {
		k.State.Put(xfrmi.Link{Name: name, Kind: xfrmi.Kind, IfID: xfrmi.IfID(name[5] - '0')})
	}
	k.SAs = []plan.SA{
		sa(1, us, east, plan.ProtoESP, 10), sa(1, east, us, plan.ProtoESP, 10), sa(1, us, east, comp, 12),
		sa(1, us, west, plan.ProtoESP, 20),
		sa(2, us, east, plan.ProtoESP, 30), sa(2, us, east, plan.ProtoESP, 31),
		sa(9, us, east, plan.ProtoESP, 90), sa(0, us, east, plan.ProtoESP, 1),
	}
	e := &updown.Engine{Kernel: k, Store: claim.Open(t.TempDir())}
	claims := []plan.Claim{
		{Name: "east", Owner: updown.Admin, Tunnel: tunnel(1, east)},
		{Name: "west", Owner: updown.Admin, Tunnel: tunnel(1, west)},
		{Name: "any[pluto a=b via any]", Owner: "pluto", Tunnel: tunnel(1, "")},
		{Name: "two[pluto a=b via " + east + "]", Owner: "pluto", Tunnel: tunnel(2, east), Reqid: 30},
		{Name: "two[pluto a=c via " + east + "]", Owner: "pluto", Tunnel: tunnel(2, east), Reqid: 30},
		{Name: "two", Owner: updown.Admin, Tunnel: tunnel(2, east)},
		{Name: "none", Owner: updown.Admin, Tunnel: tunnel(3, east)},
		{Name: "hidden", Owner: updown.Admin, Tunnel: tunnel(9, east)},
	}
	lock, err := e.Store.Lock()
	if err == nil {
		err = e.Store.Change(claim.Change{Put: claims})
		lock.Release()
	}
	if err != nil {
		t.Fatal(err)
	}
	var s updown.Status
	for _, c := range claims[:len(claims)-1] { // somebody has not asked for all
		s.Conns = append(s.Conns, updown.ConnStatus{Name: c.Name, Condition: updown.InSync, Link: c.Tunnel.Link, IfID: uint32(c.Tunnel.IfID)})
	}
	s.Conns = append(s.Conns, updown.ConnStatus{Name: "unused", Condition: updown.Down, Link: "ipsec9", IfID: 9})

	got, err := e.Counters(s)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]uint32{"east": {10, 10}, "west": {20}, "any": {10, 10, 20}, "two": {30}, "none": nil}
	if len(got.SAs) != len(want) {
		t.Errorf("SAs of %q", slices.Sorted(maps.Keys(got.SAs)))
	}
	for name, reqids := range want {
		var found []uint32
		for _, sa := range got.SAs[name] {
			found = append(found, sa.Reqid)
		}
		if slices.Sort(found); !slices.Equal(found, reqids) {
			t.Errorf("%s has the SAs %v, want %v", name, found, reqids)
		}
	}
	if links := []plan.LinkCounters{{Link: "ipsec1", Collisions: 4}, {Link: "ipsec2"}}; !slices.Equal(got.Links, links) || !slices.Equal(got.XfrmErrors, k.XfrmErrors) || got.NoSAs {
		t.Errorf("counted: %+v", got)
	}
	k.Unprivileged = true
	if got, err := e.Counters(s); err != nil || !got.NoSAs || len(got.SAs) > 0 || len(got.Links) != 2 {
		t.Errorf("without privilege: %+v, %v", got, err)
	}
}
