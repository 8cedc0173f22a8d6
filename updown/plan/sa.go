package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Direction is the way of the packets that an SA is for. The zero value is
// invalid.
type Direction uint8

// The directions, as in XFRMA_SA_DIR of linux/xfrm.h.
const (
	In  Direction = 1
	Out Direction = 2
)

// String returns the direction as ip(8) writes it.
func (d Direction) String() string {
	if d == In {
		return "in"
	}
	return "out"
}

// SA is an SA that works, without its keys, which are never kept. ESP is zero
// for other protocols.
type SA struct {
	IfID      xfrmi.IfID
	Direction Direction
	Src, Dst  netip.Addr // outer addresses
	Proto     uint8      // IP protocol: 50 for ESP, 51 for AH, 108 for IPComp
	SPI       uint32
	Reqid     uint32
	Mode      xfrmi.Mode
	MarkOut   routing.Mark // what it puts on packets after encryption; the zero value is none
	ESP       xfrmi.ESP
	Traffic   Traffic // what it has carried
	Since     uint64  // when it was made, in seconds of Unix time
}

// ProtoESP is the IP protocol of ESP.
const ProtoESP = 50

var protoNames = map[uint8]string{ProtoESP: "esp", 51: "ah", 108: "comp"}

// String returns the SA in the manner of `ip xfrm state`, with the sizes of its
// algorithms in bytes.
func (s SA) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "src %s dst %s proto %s spi %#08x reqid %d mode %s dir %s if_id %s",
		s.Src, s.Dst, protoNames[s.Proto], s.SPI, s.Reqid, s.Mode, s.Direction, s.IfID)
	if s.MarkOut != (routing.Mark{}) {
		b.WriteString(" output-mark " + s.MarkOut.String())
	}
	if s.Proto == ProtoESP {
		fmt.Fprintf(&b, " iv %d icv %d block %d", s.ESP.IV, s.ESP.ICV, s.ESP.Block)
	}
	if s.ESP.UDP {
		b.WriteString(" encap espinudp")
	}
	return b.String()
}

// CompareSAs puts the SAs of an if_id in a fixed order.
func CompareSAs(a, b SA) int {
	return cmp.Or(cmp.Compare(a.Direction, b.Direction), a.Src.Compare(b.Src), a.Dst.Compare(b.Dst),
		cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.SPI, b.SPI))
}
