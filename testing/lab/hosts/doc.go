// Package hosts makes the machines of libreswan's own test network as network namespaces inside the lab, for Go tests.
//
//	192.0.2.0/24 ─ east ─┐ 192.1.2.0/24            192.1.3.0/24 ┌─ north ─ 192.0.3.0/24
//	                     ├────────────── nic ───────────────────┤
//	192.0.1.0/24 ─ west ─┘                │                     ├─ road
//	                               198.51.100.0/24              └─ neighbour
//	                                      └─ inet
//
// Every host also has its own mount namespace with private /etc, /run and /var, and its own host name, so each can run its own pluto or charon.
// server is on 192.0.2.0/24 and has no gateway.
// The last part of a host's addresses is the same in IPv4 and IPv6 (192.1.2.23, 2001:db8:1:2::23). The segments are bridges in one more namespace,
// in which everything that crosses the wire can be captured.
//
// Tests call [Require] first. They need the lab: go test -exec "lab exec" PACKAGE.
package hosts
