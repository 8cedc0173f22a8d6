package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Network is a running part of the test network.
type Network struct {
	dir   string // logs
	wire  *namespace
	hosts map[string]*Host
	ctx   context.Context // ends with the network
	end   context.CancelFunc
}

// New makes the named hosts and those they cannot do without (every host needs the router nic). Logs of daemons go into dir. The caller must Close
// the network, also after a failed test.
func New(dir string, names ...string) (*Network, error) {
	chosen, err := choose(names)
	if err != nil {
		return nil, err
	}
	n := &Network{dir: dir, hosts: map[string]*Host{}}
	n.ctx, n.end = context.WithCancel(context.Background())
	if err := n.build(chosen); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Network) build(chosen []plan) error {
	var err error
	if n.wire, err = newNamespace("wire", func() error { return sysctl(wireSysctls) }); err != nil {
		return err
	}
	for _, p := range chosen {
		h, err := newHost(n, p)
		if err != nil {
			return err
		}
		n.hosts[p.name] = h
	}
	if err := n.wire.do(func() error { return n.lay(chosen) }); err != nil {
		return err
	}
	for _, p := range chosen {
		h := n.hosts[p.name]
		if err := h.Do(func() error { return configure(p) }); err != nil {
			return fmt.Errorf("configuring %s: %w", p.name, err)
		}
	}
	return n.wire.do(func() error { return awaitCables(chosen) })
}

// awaitCables waits until the segments deliver frames. The kernel notices in the background that a cable has got its second end, and until
// then drops what is to be sent into it, although the bridge takes its port for usable.
func awaitCables(chosen []plan) error {
	const limit = 10 * time.Second
	deadline := time.Now().Add(limit)
	for _, p := range chosen {
		for _, port := range p.ports {
			for {
				link, err := netlink.LinkByName(p.cable(port))
				if err != nil {
					return fmt.Errorf("%s: %w", p.cable(port), err)
				}
				if link.Attrs().OperState == netlink.OperUp {
					break
				}
				if time.Now().After(deadline) {
					return fmt.Errorf("%s is in state %s after %v, want up", p.cable(port), link.Attrs().OperState, limit)
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	return nil
}

// lay makes the segments and plugs the hosts in; it runs in the namespace of the segments.
func (n *Network) lay(chosen []plan) error {
	// When both ends of a veth have one number, the kernel takes up to a second to notice that the cable is plugged in.
	index := 1000
	bridges := map[string]int{}
	for _, p := range chosen {
		for _, port := range p.ports {
			if _, ok := bridges[port.segment]; !ok {
				bridge, err := makeBridge(port.segment)
				if err != nil {
					return fmt.Errorf("segment %s: %w", port.segment, err)
				}
				bridges[port.segment] = bridge
			}
			attrs := netlink.NewLinkAttrs()
			attrs.Name = p.cable(port)
			attrs.Index, index = index, index+1
			attrs.MasterIndex = bridges[port.segment]
			attrs.Flags = net.FlagUp
			cable := &netlink.Veth{LinkAttrs: attrs, PeerName: port.name, PeerNamespace: netlink.NsFd(n.hosts[p.name].ns.net.Fd())}
			if err := netlink.LinkAdd(cable); err != nil {
				return fmt.Errorf("plugging %s of %s into segment %s: %w", port.name, p.name, port.segment, err)
			}
		}
	}
	return nil
}

// makeBridge makes a segment. It is promiscuous so that a capture on it sees all frames, and floods multicast.
func makeBridge(name string) (index int, err error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.Flags = net.FlagUp
	snoop := false
	bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snoop}
	if err := netlink.LinkAdd(bridge); err != nil {
		return 0, fmt.Errorf("adding the bridge: %w", err)
	}
	if err := netlink.SetPromiscOn(bridge); err != nil {
		return 0, fmt.Errorf("setting the bridge promiscuous: %w", err)
	}
	return bridge.Attrs().Index, nil
}

// configure gives a host its addresses and default routes; it runs inside.
func configure(p plan) error {
	for _, port := range p.ports {
		link, err := netlink.LinkByName(port.name)
		if err != nil {
			return fmt.Errorf("%s: %w", port.name, err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("setting %s up: %w", port.name, err)
		}
		for _, prefix := range port.prefixes() {
			addr := &netlink.Addr{IPNet: &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}}
			if prefix.Addr().Is6() {
				addr.Flags = unix.IFA_F_NODAD
			}
			if err := netlink.AddrAdd(link, addr); err != nil {
				return fmt.Errorf("adding %s to %s: %w", prefix, port.name, err)
			}
		}
	}
	if p.gateway == "" {
		return nil
	}
	v4, v6 := segmentAddrs(p.ports[len(p.ports)-1].segment, p.gateway)
	for _, gateway := range []net.IP{v4.AsSlice(), v6.AsSlice()} {
		if err := netlink.RouteAdd(&netlink.Route{Gw: gateway}); err != nil {
			return fmt.Errorf("adding the default route via %s: %w", gateway, err)
		}
	}
	return nil
}

// Host returns a host that was named in New or is needed by one. It panics for others: the test is wrong.
func (n *Network) Host(name string) *Host {
	h := n.hosts[name]
	if h == nil {
		panic(fmt.Sprintf("host %q is not part of this network", name))
	}
	return h
}

// Close ends every process in the network and removes it.
func (n *Network) Close() error {
	n.end()
	var errs []error
	for _, h := range n.hosts {
		errs = append(errs, h.ns.endProcesses(), h.ns.close())
	}
	if n.wire != nil {
		errs = append(errs, n.wire.close())
	}
	return errors.Join(errs...)
}

// wireSysctls keep the segments silent: the bridges have no addresses and say nothing themselves.
var wireSysctls = map[string]string{
	"net.ipv6.conf.default.disable_ipv6": "1",
	"net.ipv6.conf.all.disable_ipv6":     "1",
}

// hostSysctls make addresses usable at once and keep the wire free of what only costs time to explain.
func hostSysctls(forward bool) map[string]string {
	on := "0"
	if forward {
		on = "1"
	}
	return map[string]string{
		"net.ipv4.ip_forward":                        on,
		"net.ipv6.conf.all.forwarding":               on,
		"net.ipv6.conf.default.forwarding":           on,
		"net.ipv6.conf.all.accept_dad":               "0",
		"net.ipv6.conf.default.accept_dad":           "0",
		"net.ipv6.conf.default.dad_transmits":        "0",
		"net.ipv6.conf.default.accept_ra":            "0",
		"net.ipv6.conf.default.router_solicitations": "0",
		"net.ipv4.conf.all.rp_filter":                "0",
		"net.ipv4.conf.default.rp_filter":            "0",
		"net.ipv4.conf.all.send_redirects":           "0",
		"net.ipv4.conf.default.send_redirects":       "0",
	}
}

// sysctl sets values in the network namespace of the calling thread.
func sysctl(values map[string]string) error {
	var errs []error
	for name, value := range values {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			errs = append(errs, fmt.Errorf("setting %s=%s: %w", name, value, err))
		}
	}
	return errors.Join(errs...)
}
