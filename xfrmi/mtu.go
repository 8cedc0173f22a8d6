package xfrmi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Sizes in bytes that ESP and what is around it have.
const (
	ipv4Header  = 20
	ipv6Header  = 40
	udpHeader   = 8
	espHeader   = 8 // SPI and sequence number
	espTrailer  = 2 // length of the padding and next header
	iptfsHeader = 4
	beetHeader  = 8 // the most that a pseudo header of BEET takes for IPv4 inside
)

// MinMTU6 is the least MTU with which Linux keeps IPv6 on a link (RFC 8200).
const MinMTU6 = 1280

// Other MTUs of xfrm interfaces in Linux: the least (ETH_MIN_MTU), and that of
// a new one.
const (
	MinMTU     = 68
	DefaultMTU = 1500
)

// MTU is the MTU of a link together with the arithmetic that leads to it, in
// bytes.
type MTU struct {
	Bytes int    `json:"bytes"`
	Path  int    `json:"path,omitempty"` // MTU of the path to the peer; 0 when Bytes was given
	Less  []Part `json:"less,omitempty"` // what is taken off it
}

// Raised returns the MTU raised to n, with the reason as a term.
func (m MTU) Raised(n int, name string) MTU {
	m.Less = append(slices.Clone(m.Less), Part{m.Bytes - n, name})
	m.Bytes = n
	return m
}

// Part is one term of the arithmetic of an MTU.
type Part struct {
	Bytes int    `json:"bytes"`
	Name  string `json:"name"`
}

// String returns the arithmetic in one line.
func (m MTU) String() string {
	if m.Path == 0 {
		return strconv.Itoa(m.Bytes)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d = %d path", m.Bytes, m.Path)
	for _, p := range m.Less {
		sign, n := "-", p.Bytes
		if n < 0 {
			sign, n = "+", -n
		}
		fmt.Fprintf(&b, " %s %d %s", sign, n, p.Name)
	}
	return b.String()
}

// MTU returns the size of the largest packet that fits through a path after
// ESP has been added, as Linux computes it (__xfrm_state_mtu of
// net/xfrm/xfrm_state.c, with the header lengths of net/ipv4/esp4.c and
// net/ipv6/esp6.c).
func (e ESP) MTU(path int) MTU {
	m := MTU{Bytes: path, Path: path}
	less := func(n int, name string) {
		if n != 0 {
			m.Bytes -= n
			m.Less = append(m.Less, Part{n, name})
		}
	}
	header, name := ipv4Header, "IPv4"
	if e.IPv6 {
		header, name = ipv6Header, "IPv6"
	}
	kept := 0 // the IP header that is not encrypted, in modes that keep it
	switch e.Mode {
	case Transport:
		kept = header
	case BEET:
		kept = header
		less(e.beet())
	case IPTFS:
		less(header, name)
		less(iptfsHeader, "IPTFS")
	default:
		less(header, name)
	}
	if e.UDP {
		less(udpHeader, "UDP")
	}
	less(espHeader, "ESP")
	less(e.IV, "IV")
	less(e.ICV, "ICV")
	// What is encrypted, the trailer included, is a multiple of the block.
	block := (max(e.Block, 1) + 3) &^ 3
	if rest := (m.Bytes - kept) % block; rest > 0 {
		less(rest, "to a multiple of "+strconv.Itoa(block))
	}
	less(espTrailer, "trailer")
	return m
}

// beet returns the room that the pseudo header of IPv4 options needs, which
// the kernel reserves also where there are none.
func (e ESP) beet() (int, string) {
	if e.IPv6 {
		return beetHeader + ipv6Header - ipv4Header, "BEET"
	}
	return beetHeader, "BEET"
}
