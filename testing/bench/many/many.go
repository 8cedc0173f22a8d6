// Package many writes configurations of any number of conns.
package many

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// Sort is a sort of conns.
type Sort int

// The sorts.
const (
	NetToNet   Sort = iota // a link, an address and a route each
	HostToHost             // a link, a guard and a route in table 50 each, escape by a shared mark
)

func (s Sort) String() string { return [...]string{"net to net", "host to host"}[s] }

// Me is the outer address of the host that all conns are for.
var Me = netip.MustParseAddr("192.1.3.209")

// Link returns the name of the link of the conn with a number, from 0 on.
func Link(i int) string { return fmt.Sprintf("ipsec%d", i+1) }

// Address returns the address that a NetToNet conn has on its link.
func Address(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(64 + i>>8), byte(i), 1}), 32)
}

// Net returns the net that a NetToNet conn leads to.
func Net(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(128 + i>>8), byte(i), 0}), 24)
}

// Write writes the configuration of n conns called c0, c1 and so on.
func Write(file string, n int, s Sort) error { return write(file, 0, n, s) }

// WriteOne writes the configuration of the conn with a number.
func WriteOne(file string, number int, s Sort) error { return write(file, number, number+1, s) }

func write(file string, first, end int, s Sort) error {
	var b strings.Builder
	b.WriteString("config setup\n\tipsec-interface-managed=no\n")
	fmt.Fprintf(&b, "conn %%default\n\tauto=add\n\tleft=%s\n\tleftupdown=%%disabled\n\trightupdown=%%disabled\n\tmark-out=0x10000/0xff0000\n", Me)
	for i := first; i < end; i++ {
		fmt.Fprintf(&b, "conn c%d\n\tright=10.%d.%d.1\n\tipsec-interface=%d\n", i, i>>8, i&0xff, i+1)
		if s == NetToNet {
			fmt.Fprintf(&b, "\tleftsubnet=172.16.0.0/16\n\trightsubnet=%s\n\tleftinterface-ip=%s\n", Net(i), Address(i))
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}
