// Package lab runs a command on a kernel with xfrm interfaces, beside real pluto, charon and systemd, and leaves the host as it was.
//
// The path of one run: [Run] starts the lab program anew in namespaces of its own (stage.go). There the pieces that the guest may see are
// mounted below the root filesystem, and everything else becomes read-only. In mode [UML] a User Mode Linux kernel then boots from that
// root filesystem, with the lab program as its first process (guest.go); in mode [Native] the running kernel is used. Both end in the same
// place: an overlay whose upper layer is memory (rootfs.go), so the inside looks the same and forgets everything.
//
//	host                      namespaces             UML guest
//	Run ── re-exec ──> stage: mounts ── linux ──> init: overlay ──> command
//	  ^                                                               │
//	  └──────────── frames (stdout, stderr, exit status) over ttyS0 ──┘
//
// The tests of kernel, routing and IKE behaviour run inside, by go test -exec "lab exec"; what they need there is in package hosts. Variables:
// IPSECIF_LAB_CACHE, IPSECIF_LAB_KERNEL and IPSECIF_LAB_SUITE choose what is used, IPSECIF_LAB_MODE and IPSECIF_LAB_TIMEOUT how it is run, and
// IPSECIF_LAB=1 tells a program that it is inside.
package lab
