package hosts

import (
	"errors"
	"fmt"
	"strings"
)

// Packets is what a capture saw, in order.
type Packets []Packet

// Count is the number of packets of a kind.
func (ps Packets) Count(kind Kind) int {
	return len(ps.Only(func(p Packet) bool { return p.Kind == kind }))
}

// Only returns the packets for which keep is true.
func (ps Packets) Only(keep func(Packet) bool) Packets {
	var kept Packets
	for _, p := range ps {
		if keep(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// OnlyESPAndIKE returns nil when every packet is ESP or IKE between an address of one host and an address of the other, or housekeeping of the
// segment (ARP, ND, IGMP, MLD). Otherwise the error shows the first offending packets. A capture without any ESP is an error too: it proves nothing.
func (ps Packets) OnlyESPAndIKE(a, b *Host) error {
	const show = 5
	bad := ps.Only(func(p Packet) bool {
		switch p.Kind {
		case ARP, ND, MLD:
			return false
		case ESP, IKE:
			return !(a.owns(p.Src) && b.owns(p.Dst)) && !(b.owns(p.Src) && a.owns(p.Dst))
		}
		return true
	})
	switch {
	case len(bad) > 0:
		return fmt.Errorf("%d of %d packets are neither ESP nor IKE between %s and %s, first:\n%s", len(bad), len(ps), a.Name, b.Name, bad[:min(show, len(bad))])
	case ps.Count(ESP) == 0:
		return errors.New("no ESP was captured")
	}
	return nil
}

// String has one line for each packet.
func (ps Packets) String() string {
	var text strings.Builder
	for _, p := range ps {
		fmt.Fprintf(&text, "\t%s\n", p)
	}
	return text.String()
}
