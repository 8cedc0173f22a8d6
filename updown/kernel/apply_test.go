package kernel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown/plan"
	"golang.org/x/sys/unix"
)

// TestExplain names what the error number alone does not tell.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		line string
		err  error
		want string
	}{
		{"ip link add ipsec1 type xfrm if_id 1", unix.EOPNOTSUPP, "the running kernel has no xfrm interfaces; they need Linux 4.19"},
		{"ip link add ipsec1 type xfrm if_id 1", unix.EEXIST, "this if_id exists; one that was moved to another network namespace keeps its if_id here"},
		{"ip link add vti0 type vti local 192.0.2.1 ikey 5 okey 5", unix.EOPNOTSUPP, "they need CONFIG_NET_IPVTI"},
		{"ip link add vti0 type vti local 192.0.2.1 ikey 5 okey 5", unix.EEXIST, "another VTI device with these addresses exists"},
		{"ip link add ipsec type xfrm external", unix.EINVAL, "ipsec-interface=external needs Linux 6.1"},
		{"ip link add ipsec type xfrm external", unix.EOPNOTSUPP, "they need Linux 4.19"},
		{"ip link add ipsec type xfrm external", unix.EEXIST, "another external xfrm interface exists"},
		{"ip -4 route add 192.0.2.0/24 dev ipsec table main proto 50 encap xfrm if_id 7", unix.EINVAL, "ipsec-interface=external needs Linux 6.1"},
		{"ip -4 route add 192.0.2.0/24 dev ipsec table main src 192.0.3.1 proto 50 encap xfrm if_id 7", unix.EINVAL, ""},
		{"ip -4 route add 192.0.2.0/24 dev ipsec table main src 192.0.3.1 proto 50 encap xfrm if_id 7",
			fmt.Errorf("%w: Unknown lwt encapsulation type", unix.EINVAL), "ipsec-interface=external needs Linux 6.1"},
		{"ip -4 route add 192.0.2.0/24 dev ipsec table main src 192.0.3.1 proto 50 encap xfrm if_id 7", unix.EOPNOTSUPP, "with CONFIG_LWTUNNEL"},
		{"ip link add ipsec1 type xfrm if_id 1", unix.EPERM, "this needs root"},
		{"sysctl -w net.ipv4.conf.eth0.rp_filter=2", unix.EACCES, "this needs root"},
		{"ip -6 address add 2001:db8::1/64 dev ipsec1 nodad proto 50", fmt.Errorf("%w: ipv6: IPv6 is disabled on this device", unix.EACCES),
			"this device; see net.ipv6.conf.*.disable_ipv6"},
		{"ip -4 route add 192.0.2.0/24 dev ipsec1 table main proto 50", unix.ENETDOWN, ""},
	} {
		op, err := plan.ParseOp(tt.line)
		if err != nil {
			t.Fatal(err)
		}
		got := explain(op, tt.err, nil).Error()
		if want := tt.line + ": " + tt.err.Error(); !strings.HasPrefix(got, want) || !strings.Contains(got, tt.want) {
			t.Errorf("%q, want %q and %q", got, want, tt.want)
		}
		if tt.want == "" && got != tt.line+": "+tt.err.Error() {
			t.Errorf("%q says more than it knows", got)
		}
	}
}

// TestTogether cuts plans into system calls.
func TestTogether(t *testing.T) {
	many := func(line string, n int) string { return strings.Repeat(line+"\n", n) }
	for lines, want := range map[string]int{
		"ip link add ipsec1 type xfrm if_id 1\nip link set dev ipsec1 alias ipsecif:1\nip link add ipsec2 type xfrm if_id 2\nip -4 address add 192.0.2.1/32 dev ipsec1": 3,
		"ip link del dev ipsec1\nip link set dev ipsec1 up":                                                                              1,
		"ip link set dev ipsec1 up\nip link set dev ipsec1 alias ipsecif:1":                                                              1,
		"ip -4 address add 192.0.2.1/32 dev ipsec1\nip -4 address add 192.0.2.2/32 dev ipsec1":                                           2,
		"ip -4 address add 192.0.2.1/32 dev ipsec1\nip -4 address del 192.0.2.2/32 dev ipsec1":                                           1,
		"ip -4 rule add priority 97 lookup main protocol kernel\nip -4 rule add priority 98 lookup 50 protocol kernel":                   1,
		"ip -4 route add unreachable 10.0.0.0/8 table 50 metric 9 proto kernel\nip -4 route add 10.0.0.0/8 dev ipsec1 table 50 proto 50": 1,
		many("ip -4 route add 10.0.0.0/8 dev ipsec1 table 50 proto 50", maxTogether+1):                                                   maxTogether,
		many("ip link add ipsec1 type xfrm if_id 1", maxTogether) + "ip link set dev ipsec1 up\nip link add ipsec2 type xfrm if_id 2":    maxTogether + 1,
		many("ip link del dev ipsec1", 2*maxTogether):                                                                                    2 * maxTogether,
	} {
		var ops []plan.Op
		for line := range strings.Lines(lines) {
			op, err := plan.ParseOp(line)
			if err != nil {
				t.Fatal(err)
			}
			ops = append(ops, op)
		}
		if got := together(ops); got != want {
			t.Errorf("%.80q: %d, want %d", lines, got, want)
		}
	}
}
