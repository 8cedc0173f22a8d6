package main

import (
	"fmt"
	"os"
	"strings"
)

// sort is a sort of conns.
type sort int

const (
	netToNet   sort = iota // a link, an address and a route each
	hostToHost             // a link, a guard and a route in table 50 each, escape by a shared mark
)

func (s sort) String() string { return [...]string{"net to net", "host to host"}[s] }

// writeConf writes a configuration of n conns called c0, c1 and so on.
func writeConf(file string, n int, s sort) error { return write(file, 0, n, s) }

// writeOne writes a configuration of the conn with a number.
func writeOne(file string, number int, s sort) error { return write(file, number, number+1, s) }

func write(file string, first, end int, s sort) error {
	var b strings.Builder
	b.WriteString("config setup\n\tipsec-interface-managed=no\n")
	b.WriteString("conn %default\n\tleft=192.1.3.209\n\tleftupdown=%disabled\n\trightupdown=%disabled\n\tmark-out=0x10000/0xff0000\n")
	for i := first; i < end; i++ {
		fmt.Fprintf(&b, "conn c%d\n\tright=10.%d.%d.1\n\tipsec-interface=%d\n", i, i>>8, i&0xff, i+1)
		if s == netToNet {
			fmt.Fprintf(&b, "\tleftsubnet=172.16.0.0/16\n\trightsubnet=10.%d.%d.0/24\n\tleftinterface-ip=172.%d.%d.1/32\n", 128+i>>8, i&0xff, 64+i>>8, i&0xff)
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}
