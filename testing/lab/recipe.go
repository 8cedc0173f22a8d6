package lab

import (
	_ "embed"
	"os"
)

// The root filesystem is Debian with libreswan installed. Its packages and strongSwan's daemons exclude each other, so the latter are unpacked
// into the same tree without being installed.
var (
	rootPackages = []string{
		"systemd", "systemd-sysv", "systemd-resolved", "dbus", "polkitd", "udev", "kmod", "iproute2", "iputils-ping", "procps", "nftables", "iptables",
		"ethtool", "tcpdump", "tshark", "libreswan", "libnss3-tools", "strongswan-swanctl", "bird2", "iperf3", "busybox-static",
	}
	unpackedPackages = []string{"strongswan-libcharon", "strongswan-charon", "charon-systemd"}
)

//go:embed unpack.sh
var unpackScript string

//go:embed kernel.config
var kernelConfig string

// kernelSource is the package with the newest kernel that runs as UML on processors with a large xsave state (6.1 and 6.12 panic there).
const (
	kernelSource = "linux-source-7.2"
	kernelSuite  = "forky"
)

// suite is the Debian release of the root filesystem: $IPSECIF_LAB_SUITE, else trixie.
func suite() string {
	if s := os.Getenv("IPSECIF_LAB_SUITE"); s != "" {
		return s
	}
	return "trixie"
}
