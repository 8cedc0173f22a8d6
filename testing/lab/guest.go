package lab

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fallbackTunnels says where tunl0, gre0, sit0 and their like are made; 1 keeps them out of new network namespaces, which then
// cost less and show only what a test has put there.
const fallbackTunnels = "/proc/sys/net/core/fb_tunnels_only_for_init_net"

// guestInit is process 1 of the UML guest. It ends with the guest's power-off, or by becoming systemd.
func guestInit() {
	serveAndPowerOff(func() (*spec, error) {
		s, err := prepareGuest()
		if err == nil && s.Systemd {
			err = becomeSystemd(s)
		}
		return s, err
	})
}

// serveAndPowerOff runs the command of the spec and passes its output and status on to the host.
func serveAndPowerOff(prepare func() (*spec, error)) {
	s, err := prepare()
	line, lineErr := openLine()
	if lineErr != nil {
		fmt.Fprintln(os.Stderr, "lab: opening the serial line:", errors.Join(lineErr, err))
		powerOff()
	}
	frames := &frameWriter{w: line}
	if err == nil {
		err = serve(s, frames)
	}
	if err != nil {
		if err := frames.write(frameError, []byte(err.Error())); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
		}
	}
	drain(line)
	powerOff()
}

// prepareGuest turns the bare kernel into the lab: the overlay root, host name and loopback.
func prepareGuest() (*spec, error) {
	s, err := loadSpec("/" + pieceSpec)
	if err != nil {
		return nil, err
	}
	if err := enter(s, "/"); err != nil {
		return nil, err
	}
	if !s.Systemd {
		err = readableResolvConf()
	}
	return s, errors.Join(err, settle(), os.WriteFile(fallbackTunnels, []byte("1"), 0o644))
}

// settle sets what both modes need once the root is in place.
func settle() error {
	return errors.Join(unix.Sethostname([]byte(guestName)), loopbackUp())
}

// readableResolvConf replaces a link to a file that only a running resolver makes; addconn complains when it cannot read the file.
func readableResolvConf() error {
	const path = "/etc/resolv.conf"
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte("# there is no name server in the lab\n"), 0o644)
}

func powerOff() {
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Fprintln(os.Stderr, "lab: power-off:", err)
	os.Exit(1)
}

// loopbackUp sets lo up in the network namespace of the caller.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return fmt.Errorf("reading the flags of lo: %w", err)
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("setting lo up: %w", err)
	}
	return nil
}
