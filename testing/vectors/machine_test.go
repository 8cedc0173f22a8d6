package vectors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/vishvananda/netlink"
)

// patience bounds every single command.
const patience = 30 * time.Second

// script is libreswan's own hook, without the two shells that choose it.
const script = "/usr/libexec/ipsec/_updown.xfrm"

// layout makes ipsecif have the layout of the script: that of its scheme, and no
// routes for a tunnel that is lost.
const layout = `config setup
	ipsec-interface-managed=no
	x-ipsecif-scheme=underlay
	x-ipsecif-on-loss=keep
`

// uplink is how a machine reaches the others.
type uplink string

const (
	cable uplink = "eth0" // with routers at 192.1.3.254 and .253
	ppp   uplink = "ppp0" // the default route is a point-to-point device
)

// machine is the host road of a network of its own.
type machine struct {
	network *hosts.Network
	host    *hosts.Host
	made    picture // everything, as it was made
}

func newMachine(dir string, up uplink) (*machine, error) {
	network, err := hosts.New(dir, "road")
	if err != nil {
		return nil, err
	}
	m := &machine{network: network, host: network.Host("road")}
	if err := m.prepare(up); err != nil {
		return nil, errors.Join(err, network.Close())
	}
	return m, nil
}

func (m *machine) prepare(up uplink) error {
	if err := m.host.WriteFile("/etc/ipsec.conf", []byte(layout), 0o644); err != nil {
		return err
	}
	// As for every xfrm interface of ipsecif: no link-local address.
	noLinkLocal := func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/default/addr_gen_mode", []byte("1"), 0o644) }
	if err := m.host.Do(noLinkLocal); err != nil {
		return err
	}
	if up == ppp {
		if err := m.run(
			"ip link add ppp0 type ipip local 192.1.3.209 remote 192.1.3.254", "ip address add 10.64.0.2 peer 10.64.0.1 dev ppp0",
			"ip link set ppp0 up", "ip route replace default dev ppp0"); err != nil {
			return err
		}
	}
	var err error
	m.made, err = lookAtAll(m.host)
	return err
}

// run runs commands one after the other.
func (m *machine) run(commands ...string) error {
	for _, command := range commands {
		words := strings.Fields(command)
		if err := m.call(os.Environ(), words[0], words[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// call runs a program with just this environment. The error has what it said.
func (m *machine) call(env []string, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &said, &said
	err := m.host.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(said.String()))
	}
	return nil
}

// untouched reports whether the machine is as it was made.
func (m *machine) untouched() (bool, error) {
	now, err := lookAtAll(m.host)
	return slices.Equal(now, m.made), err
}

// ipsecif runs our hook.
func (m *machine) ipsecif(t tunnel, action string) error {
	return m.call(t.environment(action), os.Getenv("IPSECIF_BIN"), append([]string{"updown"}, t.args...)...)
}

// libreswan runs the script.
func (m *machine) libreswan(t tunnel, action string) error {
	return m.call(t.environment(action), script, t.args...)
}

// addrs are what pluto puts on the interface of a tunnel.
func (t tunnel) addrs() []netip.Prefix {
	switch {
	case t.address.IsValid():
		return []netip.Prefix{t.address}
	case t.source.IsValid():
		return []netip.Prefix{netip.PrefixFrom(t.source, t.source.BitLen())}
	}
	return nil
}

// plutoAdds does what pluto does itself before it calls its hook for a tunnel:
// the interface is there, has the tunnel's addresses and is up. A VTI device is
// the hook's.
func (m *machine) plutoAdds(t tunnel) error {
	if t.vti {
		return nil
	}
	return m.host.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = t.link
		link := &netlink.Xfrmi{LinkAttrs: attrs, Ifid: t.ifID()}
		if err := netlink.LinkAdd(link); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("adding %s: %w", t.link, err)
		}
		there, err := netlink.LinkByName(t.link)
		if err != nil {
			return err
		}
		for _, a := range t.addrs() {
			if err := netlink.AddrReplace(there, ipAddr(a)); err != nil {
				return fmt.Errorf("adding %s to %s: %w", a, t.link, err)
			}
		}
		return netlink.LinkSetUp(there)
	})
}

// plutoRemoves does what pluto does when a tunnel has gone and others stay: the
// addresses go that none of them has.
func (m *machine) plutoRemoves(t tunnel, others []tunnel) error {
	return m.host.Do(func() error {
		for _, a := range t.addrs() {
			if slices.ContainsFunc(others, func(o tunnel) bool { return o.link == t.link && slices.Contains(o.addrs(), a) }) {
				continue
			}
			there, err := netlink.LinkByName(t.link)
			if err != nil {
				return err
			}
			if err := netlink.AddrDel(there, ipAddr(a)); err != nil {
				return fmt.Errorf("removing %s from %s: %w", a, t.link, err)
			}
		}
		return nil
	})
}

// plutoEnds removes the interface of a tunnel, and the VTI device that the script
// does not remove.
func (m *machine) plutoEnds(t tunnel) error {
	return m.host.Do(func() error {
		there, err := netlink.LinkByName(t.link)
		if errors.As(err, &netlink.LinkNotFoundError{}) {
			return nil
		} else if err != nil {
			return err
		}
		return netlink.LinkDel(there)
	})
}

func ipAddr(p netip.Prefix) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
}
