package contract

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/sys/unix"
)

// Algorithms as ip(8) takes them, one of every shape.
const (
	gcm    = "aead rfc4106(gcm(aes)) 0x0011223344556677889900112233445566778899 128"
	gcm8   = "aead rfc4106(gcm(aes)) 0x0011223344556677889900112233445566778899 64"
	chacha = "aead rfc7539esp(chacha20,poly1305) 0x001122334455667788990011223344556677889900112233445566778899001122334455 128"
	cbc    = "enc cbc(aes) 0x00112233445566778899001122334455 auth-trunc hmac(sha256) 0x0011223344556677889900112233445566778899001122334455667788990011 128"
	des3   = "enc cbc(des3_ede) 0x0123456789abcdef23456789abcdef01456789abcdef0123 auth-trunc hmac(sha1) 0x0011223344556677889900112233445566778899 96"
)

const encap = " encap espinudp 4500 4500 0.0.0.0"

// TestMTU compares the computed MTU with the one that the kernel enforces for
// packets through an xfrm interface.
func TestMTU(t *testing.T) {
	hosts.Require(t)
	for _, tt := range []struct {
		mode, extra string
		six         bool // outer addresses
		path        int
		want        int
	}{
		{"tunnel", gcm, false, 1500, 1446},
		{"tunnel", gcm + encap, false, 1500, 1438},
		{"tunnel", gcm, true, 1500, 1426},
		{"tunnel", gcm + encap, true, 1500, 1418},
		{"tunnel", gcm8, false, 1499, 1450},
		{"tunnel", chacha, false, 1492, 1438},
		{"tunnel", chacha + encap, false, 1492, 1430},
		{"tunnel", cbc, false, 1500, 1438},
		{"tunnel", cbc + encap, false, 1500, 1422},
		{"tunnel", cbc, true, 1500, 1406},
		{"tunnel", cbc + encap, false, 9000, 8926},
		{"tunnel", des3, false, 1500, 1446},
		{"tunnel", gcm, false, 1300, 1246},
		{"tunnel", gcm, true, 1300, 1226},
		{"transport", gcm, false, 1500, 1466},
		{"transport", gcm + encap, false, 1500, 1458},
		{"transport", gcm, true, 1500, 1466},
		{"transport", cbc, false, 1500, 1458},
		{"beet", gcm + " sel src 10.0.0.1/32 dst 10.1.0.1/32", false, 1500, 1458},
		{"beet", cbc + " sel src 10.0.0.1/32 dst 10.1.0.1/32", true, 1500, 1430},
	} {
		t.Run(fmt.Sprintf("%s %s ipv6 %v path %d", tt.mode, strings.Join(strings.Fields(tt.extra)[:2], " "), tt.six, tt.path), func(t *testing.T) {
			newNamespace(t)
			ours, peer := "192.1.3.209", "192.1.2.23"
			if tt.six {
				ours, peer = "2001:db8:1:3::209", "2001:db8:1:2::23"
			}
			tun := tunnel{mode: tt.mode, extra: tt.extra, path: tt.path, ours: ours, peer: peer, inner: "10.0.0.1", to: "10.1.0.1", ifID: 1}
			if tt.mode == "transport" {
				// Through an xfrm interface the kernel finds a loop: the route to
				// the peer is not looked up anew.
				tun.inner, tun.to, tun.ifID = ours, peer, 0
			}
			tun.make(t)
			k, err := kernel.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			o, err := k.Observe(plan.Query{SAs: []xfrmi.IfID{tun.ifID}})
			if err != nil || len(o.Facts.SAs[tun.ifID]) != 1 {
				t.Fatalf("SAs %v, %v", o.Facts.SAs, err)
			}
			if m := o.Facts.SAs[tun.ifID][0].ESP.MTU(tt.path); m.Bytes != tt.want {
				t.Errorf("computed %s, want %d", m, tt.want)
			}
			if got := enforced(t, netip.MustParseAddr(tun.to), tt.path); got != tt.want {
				t.Errorf("the kernel enforces %d, want %d", got, tt.want)
			}
		})
	}
}

// tunnel is an outbound SA through a path of some MTU, for packets between two
// inner addresses.
type tunnel struct {
	mode, extra string
	path        int
	ours, peer  string
	inner, to   string
	ifID        xfrmi.IfID // 0: without an xfrm interface
}

func (tun tunnel) make(t *testing.T) {
	t.Helper()
	ends := "src " + tun.ours + " dst " + tun.peer + " proto esp"
	lines := []string{
		fmt.Sprintf("ip link add eth0 mtu %d type dummy", tun.path),
		"ip link set dev eth0 up",
		"ip address add 192.1.3.209/24 dev eth0",
		"ip route add default via 192.1.3.254 dev eth0",
		"ip address add 2001:db8:1:3::209/64 dev eth0 nodad",
		"ip route add default via 2001:db8:1:3::254 dev eth0",
		"ip xfrm state add " + ends + " spi 1 reqid 1 mode " + tun.mode + " flag af-unspec if_id " + tun.ifID.String() + " " + tun.extra,
		"ip xfrm policy add src " + tun.inner + " dst " + tun.to + " dir out tmpl " + ends + " reqid 1 mode " + tun.mode + " if_id " + tun.ifID.String(),
	}
	if tun.ifID != 0 {
		lines = append(lines,
			"ip link add ipsec1 mtu 10000 type xfrm if_id "+tun.ifID.String(),
			"ip link set dev ipsec1 up",
			"ip address add "+tun.inner+"/32 dev ipsec1",
			"ip route add "+tun.to+" dev ipsec1 src "+tun.inner)
	}
	run(t, lines...)
}

func run(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
}

// enforced returns the size of the largest packet that goes to an address
// without being fragmented, after one that is too large.
func enforced(t *testing.T, to netip.Addr, path int) int {
	t.Helper()
	family, level, discover, mtu, do := unix.AF_INET, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_MTU, unix.IP_PMTUDISC_DO
	headers, sa := 20+8, unix.Sockaddr(nil)
	if to.Is6() {
		family, level, discover, mtu, do = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_MTU, unix.IPV6_PMTUDISC_DO
		headers, sa = 40+8, &unix.SockaddrInet6{Addr: to.As16(), Port: 9}
	} else {
		sa = &unix.SockaddrInet4{Addr: to.As4(), Port: 9}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.SetsockoptInt(fd, level, discover, do), unix.Connect(fd, sa)); err != nil {
		t.Fatal(err)
	}
	send := func(size int) error {
		_, err := unix.Write(fd, make([]byte, size-headers))
		return err
	}
	// The first one learns the MTU, which a new look-up of the route shows; it
	// may be refused at once or afterwards.
	_ = send(path)
	if err := unix.Connect(fd, sa); err != nil {
		t.Fatal(err)
	}
	n, err := unix.GetsockoptInt(fd, level, mtu)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR) // of the first one
	if err := send(n + 1); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a packet of %d bytes: %v, want %v", n+1, err, unix.EMSGSIZE)
	}
	if err := send(n); err != nil {
		t.Errorf("a packet of %d bytes: %v", n, err)
	}
	return n
}
