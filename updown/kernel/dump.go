package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// dumpTries bounds how often a dump is repeated that a change interrupted.
const dumpTries = 10

// dump sends a dump request made by newRequest until it is answered in one
// piece. It calls begin before each attempt, so that what an interrupted answer
// said is forgotten, and each for every message of the answer.
func (s *socket) dump(what string, reply uint16, newRequest func() *nl.NetlinkRequest, begin func(), each func(msg []byte)) error {
	var err error
	for range dumpTries {
		begin()
		if err = s.execute(newRequest(), reply, each); err == nil {
			return nil
		}
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			break
		}
	}
	// A table that does not exist has no routes, and a kernel without IPv6
	// (ipv6.disable=1) no IPv6 rules.
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EAFNOSUPPORT) {
		begin()
		return nil
	}
	return fmt.Errorf("reading %s: %w", what, err)
}

// attrs returns the attributes after a fixed header, by type without flags, nil
// when they are no attributes.
func attrs(b []byte) map[uint16][]byte {
	m := map[uint16][]byte{}
	for len(b) >= unix.SizeofNlAttr {
		length, kind := nl.NativeEndian().Uint16(b), nl.NativeEndian().Uint16(b[2:])
		if length < unix.SizeofNlAttr || int(length) > len(b) {
			return nil
		}
		m[kind&nl.NLA_TYPE_MASK] = b[unix.SizeofNlAttr:length]
		aligned := (int(length) + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1)
		b = b[min(aligned, len(b)):]
	}
	return m
}

// number returns a 32-bit attribute, 0 when it is missing.
func number(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return nl.NativeEndian().Uint32(b)
}

// text returns a NUL-terminated attribute.
func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }

// address returns an address attribute, invalid when it is missing.
func address(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// prefix returns the address attribute with a length; a missing address is the
// unspecified one of the family.
func prefix(b []byte, bits uint8, family uint8) netip.Prefix {
	a := address(b)
	if !a.IsValid() {
		a = netip.IPv6Unspecified()
		if family == unix.AF_INET {
			a = netip.IPv4Unspecified()
		}
	}
	return netip.PrefixFrom(a, int(bits))
}
