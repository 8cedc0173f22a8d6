// Package boot installs the package of Debian on a machine with systemd, pluto
// and a roadwarrior's configuration, reboots it, and looks whether the tunnel is
// up without anybody's doing. The machine is a guest of the lab whose disk is
// kept from one run to the next; the peer is a network namespace in it.
package boot
