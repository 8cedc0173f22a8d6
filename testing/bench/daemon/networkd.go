package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/testing/bench/many"
	"github.com/ipsecif/ipsecif/testing/bench/times"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// networkDir is where systemd-networkd looks for files that do not outlive a boot.
const networkDir = "/run/systemd/network"

// besideNetworkd measures how long systemd-networkd needs for the links,
// addresses and routes of many conns, and the daemon for the same, in turns.
func (b *bench) besideNetworkd(conns int) error {
	if err := many.Write(b.conf, conns, many.NetToNet); err != nil {
		return err
	}
	if err := uplink(); err != nil {
		return err
	}
	var ours, theirs times.Times
	for range b.rounds {
		d, err := b.start()
		if err != nil {
			return err
		}
		ours = append(ours, d.ready)
		if err := d.end(); err != nil {
			return err
		}
		if _, err := b.call("down", "--all"); err != nil {
			return err
		}
		took, err := networkd(conns)
		if err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	fmt.Printf("%d conns: systemd-networkd needs %s, the daemon is ready after %s: ratio %s\n", conns, theirs, ours, times.InTurns(theirs, ours))
	return nil
}

// uplink makes the device that the conns leave by.
func uplink() error {
	l := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "uplink"}}
	a, err := netlink.ParseAddr(many.Me.String() + "/24")
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkAdd(l), netlink.AddrAdd(l, a), netlink.LinkSetUp(l))
}

// networkd has systemd-networkd make what conns want, and takes it away again.
func networkd(conns int) (took time.Duration, err error) {
	files, err := writeNetwork(conns)
	defer func() {
		for _, name := range files {
			err = errors.Join(err, os.Remove(name))
		}
		err = errors.Join(err, reload(), deleteLinks(conns))
	}()
	if err != nil {
		return 0, err
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	start := time.Now()
	if err := reload(); err != nil {
		return 0, err
	}
	for i := 0; i < conns; {
		switch {
		case hasAddress(h, i) && hasRoute(h, i):
			i++
		case time.Since(start) > patience:
			return 0, fmt.Errorf("systemd-networkd has not made what conn c%d wants within %v", i, patience)
		default:
			time.Sleep(10 * time.Millisecond)
		}
	}
	return time.Since(start), nil
}

// writeNetwork writes the files for systemd-networkd, which are as short as they
// can be.
func writeNetwork(conns int) (files []string, err error) {
	if err := os.MkdirAll(networkDir, 0o755); err != nil {
		return nil, err
	}
	for i := range conns {
		name := many.Link(i)
		for kind, text := range map[string]string{
			"netdev":  fmt.Sprintf("[NetDev]\nName=%s\nKind=xfrm\n[Xfrm]\nInterfaceId=%d\nIndependent=yes\n", name, i+1),
			"network": fmt.Sprintf("[Match]\nName=%s\n[Network]\nLinkLocalAddressing=no\nConfigureWithoutCarrier=yes\nAddress=%s\n[Route]\nDestination=%s\nScope=link\n", name, many.Address(i), many.Net(i)),
		} {
			file := filepath.Join(networkDir, "50-"+name+"."+kind)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return files, err
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// reload has systemd-networkd read its files, as networkctl(1) does, which does not
// wait for long enough.
func reload() error {
	cmd := exec.Command("busctl", fmt.Sprintf("--timeout=%d", int(patience.Seconds())), "call", "org.freedesktop.network1",
		"/org/freedesktop/network1", "org.freedesktop.network1.Manager", "Reload")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("telling systemd-networkd to read its files: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// deleteLinks deletes what systemd-networkd leaves behind, before version 257 all
// of its links.
func deleteLinks(conns int) error {
	var errs []error
	for i := range conns {
		l, err := netlink.LinkByName(many.Link(i))
		if err == nil {
			err = netlink.LinkDel(l)
		}
		if _, gone := err.(netlink.LinkNotFoundError); !gone && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
