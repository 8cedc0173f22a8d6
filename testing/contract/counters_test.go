package contract

import (
	"net"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// TestCounters sends packets into a real tunnel, into the same without an SA for
// them, and into one that leads into itself, and looks where they are counted.
func TestCounters(t *testing.T) {
	hosts.Require(t)
	newNamespace(t)
	before := uint64(time.Now().Unix())
	tunnel{mode: "tunnel", extra: gcm, path: 1500, ours: "192.1.3.209", peer: "192.1.2.23", inner: "10.0.0.1", to: "10.1.0.1", ifID: 1}.make(t)
	run(t, "ip route add 10.2.0.0/16 dev ipsec1 src 10.0.0.1")
	const payload, size = 100, 20 + 8 + 100
	send(t, "10.1.0.1", payload)
	send(t, "10.1.0.1", payload)
	send(t, "10.2.0.1", payload)
	run(t, "ip route del default via 192.1.3.254 dev eth0", "ip route add default dev ipsec1")
	send(t, "10.1.0.1", payload)

	k, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	o, err := k.Observe(plan.Query{Near: &plan.Near{}, Counters: true, SAs: []xfrmi.IfID{1}})
	if err != nil || len(o.Facts.SAs[1]) != 1 {
		t.Fatalf("SAs %v, %v", o.Facts.SAs, err)
	}
	sa := o.Facts.SAs[1][0]
	if want := (plan.Traffic{Bytes: 2 * size, Packets: 2}); sa.Traffic != want {
		t.Errorf("the SA has carried %+v, want %+v", sa.Traffic, want)
	}
	if now := uint64(time.Now().Unix()); sa.Since < before || sa.Since > now {
		t.Errorf("the SA is of %d, made between %d and %d", sa.Since, before, now)
	}
	if len(o.Counters.Links) != 1 {
		t.Fatalf("counted: %+v", o.Counters.Links)
	}
	// IPv6 may have sent something of its own, for which there is no SA.
	link := o.Counters.Links[0]
	if link.Link != "ipsec1" || link.Out.Traffic != sa.Traffic || link.CarrierErrors == 0 || link.Collisions != 1 || link.Out.Errors != link.CarrierErrors+1 {
		t.Errorf("counted: %+v", link)
	}
	errors := map[string]uint64{}
	for _, c := range o.Counters.XfrmErrors {
		errors[c.Name] = c.Value
	}
	if _, ok := errors["XfrmInNoStates"]; !ok || len(errors) < 20 {
		t.Errorf("errors: %v", errors)
	}
}

func send(t *testing.T, to string, bytes int) {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(to, "9"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// What the tunnel refuses, a later packet would be told.
	if _, err := c.Write(make([]byte, bytes)); err != nil {
		t.Log(err)
	}
}
