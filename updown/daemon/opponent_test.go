package daemon

import (
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// TestAdvice names opponents by what they do and by who is there.
func TestAdvice(t *testing.T) {
	const (
		route = "ip -4 route add 10.1.0.0/16 dev ipsec1 table main proto 50"
		bgp   = "ip -4 route add 10.1.0.0/16 via 192.0.2.1 dev eth0 table main proto 186"
		boot  = "ip -4 route add 10.1.0.0/16 via 192.0.2.1 dev eth0 table main proto boot"
		fixed = "ip -4 route add 10.1.0.0/16 via 192.0.2.1 dev eth0 table main proto static"
		rule  = "ip -6 rule add priority 98 lookup 50 suppress_prefixlength 0 protocol kernel"
		link  = "ip link add ipsec1 type xfrm if_id 1"
		addr  = "ip -4 address add 192.0.3.1/32 dev ipsec1 proto 50"
	)
	all := Neighbours{Networkd: true, DeletesRoutes: true, DeletesRules: true, NetworkManager: true, Charon: true, Protocols: map[uint8]string{186: "bgp"}, StockUpdown: []string{"old"}}
	for _, tt := range []struct {
		op, had string
		around  Neighbours
		want    string
	}{
		{route, "", all, "ManageForeignRoutes=no"},
		{route, "", Neighbours{}, "not known who"},
		{route, "", Neighbours{Networkd: true, DeletesRules: true}, "not known who"},
		{route, bgp, all, "(bgp); give it another metric there, or metric= to the conn net"},
		{route, bgp, Neighbours{}, "(protocol 186); give it another metric"},
		{route, boot, all, "libreswan's own hook works on routes of old, set leftupdown="},
		{route, boot, Neighbours{}, "takes its place each time (protocol 3)"},
		{route, fixed, all, "set charon.install_routes=no"},
		{route, fixed, Neighbours{}, "takes its place each time (protocol 4)"},
		{rule, "", all, "ManageForeignRoutingPolicyRules=no"},
		{rule, "", Neighbours{NetworkManager: true}, "not known who"},
		{rule, "", Neighbours{Networkd: true, DeletesRoutes: true}, "not known who"},
		{link, "", all, "unmanaged-devices=interface-name:ipsec1"},
		{addr, "", all, "unmanaged-devices=interface-name:ipsec1"},
		{addr, "", Neighbours{Networkd: true}, "Unmanaged=yes in section [Link] of a .network file that matches ipsec1"},
		{link, "", Neighbours{Charon: true}, "not known who"},
	} {
		r := updown.Repaired{Op: parse(t, tt.op), Conns: []string{"net"}}
		if tt.had != "" {
			r.Had = parse(t, tt.had).Object
		}
		if got := tt.around.advice(r); !strings.Contains(got, tt.want) {
			t.Errorf("%s in place of %q: %q has no %q", tt.op, tt.had, got, tt.want)
		}
	}
}

func parse(t *testing.T, line string) plan.Op {
	t.Helper()
	op, err := plan.ParseOp(line)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// TestCauses finds what was done to a host in what had to be repaired.
func TestCauses(t *testing.T) {
	const (
		link  = "ip link add ipsec1 type xfrm if_id 1"
		up    = "ip link set dev ipsec1 up"
		addr  = "ip -4 address add 192.0.3.1/32 dev ipsec1 proto 50"
		route = "ip -4 route add 10.1.0.0/16 dev ipsec1 table main proto 50"
		other = "ip -4 route add 10.2.0.0/16 dev ipsec2 table main proto 50"
		rule  = "ip -6 rule add priority 98 lookup 50 suppress_prefixlength 0 protocol kernel"
	)
	for _, tt := range []struct{ repaired, causes []string }{
		{[]string{link, up, addr, rule, route, other}, []string{link, rule, other}},
		{[]string{up, addr, route}, []string{up}},
		{[]string{addr, route, other}, []string{addr, other}},
		{[]string{route, rule}, []string{route, rule}},
	} {
		var all []updown.Repaired
		for _, line := range tt.repaired {
			all = append(all, updown.Repaired{Op: parse(t, line)})
		}
		var got []string
		for _, r := range causes(all) {
			got = append(got, r.Op.String())
		}
		if strings.Join(got, "\n") != strings.Join(tt.causes, "\n") {
			t.Errorf("causes of %q: %q, want %q", tt.repaired, got, tt.causes)
		}
	}
}
