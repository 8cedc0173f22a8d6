// Package kernel is the only door to the Linux kernel: it observes links,
// addresses, routes, rules and sysctls, and applies operations to them.
//
// Messages are built with the nl package of vishvananda/netlink rather than
// with its typed functions where those lose something that ipsecif needs: the
// action of a rule in a dump, suppress_prefixlength for tables above 255, the
// protocol of an address, and two messages in one system call.
package kernel

import (
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Kernel is a connection to the network stack of one network namespace: that
// of the thread that called Open. Sysctls are read and written in the
// namespace of the calling thread, so both must be the same. It is not safe
// for concurrent use.
type Kernel struct {
	change  *socket           // for operations
	dumps   *socket           // for dumps that the kernel filters (NETLINK_GET_STRICT_CHK, Linux 4.20)
	devices int               // socket for the requests of netdevice(7)
	indices map[string]uint32 // of links, as the present Apply has found them
	nft     *nftables.Conn    // nil until it is needed
	netns   netns
	spaces  map[string]*Kernel // for the other network namespaces that were entered, by name
}

// Open connects to the network namespace of the calling thread. It needs no
// privilege; Apply does.
func Open() (*Kernel, error) {
	k := &Kernel{devices: -1}
	if err := k.connect(); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// connect opens the sockets in the network namespace of the calling thread.
func (k *Kernel) connect() error {
	var err error
	for _, s := range []**socket{&k.change, &k.dumps} {
		if *s, err = openSocket(); err != nil {
			return fmt.Errorf("opening a netlink socket: %w", err)
		}
	}
	if k.devices, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	// These options only improve messages and speed; a kernel without them still
	// answers. Dumps go without extended errors, which have another form at the
	// end of one.
	_ = unix.SetsockoptInt(k.change.fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(k.change.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(k.dumps.fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	return nil
}

// Close ends the connection.
func (k *Kernel) Close() {
	for _, s := range []*socket{k.change, k.dumps} {
		if s != nil {
			s.close()
		}
	}
	if k.devices >= 0 {
		unix.Close(k.devices)
	}
	k.closeNft()
	if k.netns.name != "" {
		unix.Close(k.netns.home)
	}
	k.leave()
}
