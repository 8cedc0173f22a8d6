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
func (b *bench) besideNetworkd() error {
	if err := many.Write(b.conf, atOnce, many.NetToNet); err != nil {
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
		took, err := networkd()
		if err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	fmt.Printf("%d conns: systemd-networkd needs %s, the daemon is ready after %s: ratio %s\n", atOnce, theirs, ours, times.InTurns(theirs, ours))
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
func networkd() (took time.Duration, err error) {
	files, err := writeNetwork()
	defer func() {
		for _, name := range files {
			err = errors.Join(err, os.Remove(name))
		}
		err = errors.Join(err, reload(), deleteLinks())
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
	for i := 0; i < atOnce; {
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
func writeNetwork() (files []string, err error) {
	if err := os.MkdirAll(networkDir, 0o755); err != nil {
		return nil, err
	}
	for i := range atOnce {
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

func reload() error {
	out, err := exec.Command("networkctl", "reload").CombinedOutput()
	if err != nil {
		return fmt.Errorf("networkctl reload: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// deleteLinks deletes what systemd-networkd leaves behind.
func deleteLinks() error {
	var errs []error
	for i := range atOnce {
		l, err := netlink.LinkByName(many.Link(i))
		if err == nil {
			err = netlink.LinkDel(l)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
