package hosts

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Kind says what a packet on the wire is, seen from outside.
type Kind string

const (
	ESP   Kind = "esp"      // ESP, also inside UDP port 4500 (RFC 3948)
	IKE   Kind = "ike"      // UDP ports 500 and 4500, also NAT keepalives
	ARP   Kind = "arp"      // IPv4 neighbour discovery
	ND    Kind = "nd"       // IPv6 neighbour and router discovery
	MLD   Kind = "igmp/mld" // multicast group membership
	ICMP  Kind = "icmp"     // all other ICMP and ICMPv6, in the clear
	Other Kind = "other"    // everything else, in the clear
)

// Packet is a frame as a capture saw it, parsed as far as it takes to classify it.
type Packet struct {
	Time     time.Time
	Src, Dst netip.Addr // outer addresses; not valid for frames that are neither IP nor ARP
	Proto    uint8      // IP protocol after extension headers; 0 for frames that are not IP
	Kind     Kind
	Text     string // one line for humans
	Len      int    // bytes on the wire, with the Ethernet header
}

// String is the line for humans, with the time.
func (p Packet) String() string {
	return fmt.Sprintf("%s %s %s", p.Time.Format("15:04:05.000000"), p.Kind, p.Text)
}

const (
	ethHeader = 14
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	protoICMP   = 1
	protoIGMP   = 2
	protoTCP    = 6
	protoUDP    = 17
	protoESP    = 50
	protoICMPv6 = 58
)

// parser classifies frames. It remembers the first fragments of datagrams, because the later ones do not say what they belong to.
type parser struct {
	fragments map[fragment]Packet
}

type fragment struct {
	src, dst netip.Addr
	proto    uint8
	id       uint32
}

func newParser() *parser { return &parser{fragments: map[fragment]Packet{}} }

// parse classifies one Ethernet frame of the given length on the wire; the bytes may be cut off after the headers.
func (ps *parser) parse(frame []byte, length int) Packet {
	p := Packet{Kind: Other, Len: length}
	if len(frame) < ethHeader {
		p.Text = "frame shorter than an Ethernet header"
		return p
	}
	body := frame[ethHeader:]
	switch etherType := binary.BigEndian.Uint16(frame[12:]); etherType {
	case etherARP:
		parseARP(&p, body)
	case etherIPv4:
		ps.parseIPv4(&p, body)
	case etherIPv6:
		ps.parseIPv6(&p, body)
	default:
		p.Text = fmt.Sprintf("ethertype 0x%04x", etherType)
	}
	return p
}

func parseARP(p *Packet, b []byte) {
	p.Kind = ARP
	if len(b) < 28 {
		p.Text = "truncated"
		return
	}
	p.Src, p.Dst = netip.AddrFrom4([4]byte(b[14:])), netip.AddrFrom4([4]byte(b[24:]))
	if binary.BigEndian.Uint16(b[6:]) == 1 {
		p.Text = fmt.Sprintf("who has %s, tell %s", p.Dst, p.Src)
	} else {
		p.Text = fmt.Sprintf("%s is at %x", p.Src, b[8:14])
	}
}

func (ps *parser) parseIPv4(p *Packet, b []byte) {
	if len(b) < 20 || int(b[0]&0xf)*4 > len(b) || b[0]&0xf < 5 {
		p.Text = "malformed IPv4 header"
		return
	}
	p.Src, p.Dst, p.Proto = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:])), b[9]
	flags := binary.BigEndian.Uint16(b[6:])
	offset, more := flags&0x1fff, flags&0x2000 != 0
	key := fragment{p.Src, p.Dst, p.Proto, uint32(binary.BigEndian.Uint16(b[4:]))}
	ps.parsePayload(p, b[int(b[0]&0xf)*4:], offset, more, key)
}

// parseIPv6 walks the extension headers (RFC 8200 section 4).
func (ps *parser) parseIPv6(p *Packet, b []byte) {
	const (
		hopByHop, routing, fragmented, destination = 0, 43, 44, 60
		headerSize                                 = 40
	)
	if len(b) < headerSize {
		p.Text = "malformed IPv6 header"
		return
	}
	p.Src, p.Dst, p.Proto = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:])), b[6]
	var key fragment
	var offset uint16
	var more bool
	for b = b[headerSize:]; len(b) >= 8; {
		size := 8 + int(b[1])*8
		switch p.Proto {
		case hopByHop, routing, destination:
		case fragmented:
			size = 8
			field := binary.BigEndian.Uint16(b[2:])
			offset, more = field>>3, field&1 != 0
			key = fragment{p.Src, p.Dst, b[0], binary.BigEndian.Uint32(b[4:])}
		default:
			ps.parsePayload(p, b, offset, more, key)
			return
		}
		p.Proto = b[0]
		b = b[min(size, len(b)):]
		if offset > 0 {
			break // what follows is the middle of a datagram, not a header
		}
	}
	ps.parsePayload(p, b, offset, more, key)
}

// parsePayload classifies what an IP packet carries. Fragments behind the first are of the first one's kind.
func (ps *parser) parsePayload(p *Packet, b []byte, offset uint16, more bool, key fragment) {
	if offset > 0 {
		first, known := ps.fragments[key]
		if known {
			p.Kind = first.Kind
		} else if p.Proto == protoESP {
			p.Kind = ESP
		}
		p.Text = fmt.Sprintf("%s > %s fragment of protocol %d at byte %d", p.Src, p.Dst, p.Proto, int(offset)*8)
		return
	}
	var what string
	p.Kind, what = classify(p.Proto, b)
	p.Text = fmt.Sprintf("%s > %s %s length %d", p.Src, p.Dst, what, p.Len)
	if more {
		ps.fragments[key] = *p
	}
}

// classify tells the kind of an IP payload and describes it.
func classify(proto uint8, b []byte) (Kind, string) {
	need := map[uint8]int{protoICMP: 2, protoICMPv6: 2, protoTCP: 14, protoUDP: 8, protoESP: 8}[proto]
	if len(b) < need {
		return Other, fmt.Sprintf("truncated payload of protocol %d", proto)
	}
	switch proto {
	case protoESP:
		return ESP, describeESP(b)
	case protoICMP:
		return ICMP, fmt.Sprintf("icmp type %d code %d", b[0], b[1])
	case protoIGMP:
		return MLD, "igmp"
	case protoICMPv6:
		return classifyICMPv6(b)
	case protoTCP:
		return Other, fmt.Sprintf("tcp %d > %d flags 0x%02x", binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), b[13])
	case protoUDP:
		return classifyUDP(b)
	}
	return Other, fmt.Sprintf("protocol %d", proto)
}

func classifyICMPv6(b []byte) (Kind, string) {
	const firstND, lastND = 133, 137 // RFC 4861
	switch t := b[0]; {
	case t >= firstND && t <= lastND:
		return ND, fmt.Sprintf("icmpv6 type %d", t)
	case t >= 130 && t <= 132 || t == 143: // RFC 2710, RFC 3810
		return MLD, fmt.Sprintf("icmpv6 type %d", t)
	default:
		return ICMP, fmt.Sprintf("icmpv6 type %d code %d", t, b[1])
	}
}

// classifyUDP tells apart what shares port 4500: IKE behind four zero bytes, the one byte 0xff of a keepalive, and ESP (RFC 3948 section 2).
func classifyUDP(b []byte) (Kind, string) {
	const portIKE, portNAT = 500, 4500
	src, dst := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	ports, payload := fmt.Sprintf("udp %d > %d", src, dst), b[8:]
	switch {
	case src == portIKE || dst == portIKE:
		return IKE, ports
	case src != portNAT && dst != portNAT:
		return Other, ports
	case len(payload) == 1 && payload[0] == 0xff:
		return IKE, ports + " keepalive"
	case len(payload) < 8:
		return Other, ports + " neither IKE nor ESP"
	case binary.BigEndian.Uint32(payload) == 0:
		return IKE, ports
	}
	return ESP, ports + " " + describeESP(payload)
}

func describeESP(b []byte) string {
	return fmt.Sprintf("esp spi 0x%08x seq %d", binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]))
}
