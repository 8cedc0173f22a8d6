// Package routing holds policy routing as pure values: marks, tables, rules,
// routes, and the schemes by which a conn's traffic finds its xfrm
// interface while its ESP and IKE packets do not. It touches no kernel;
// updown/kernel does that.
package routing

import "fmt"

// Mark is a firewall mark with its mask, as in `fwmark V/M` of ip-rule(8) and
// XFRMA_SET_MARK of linux/xfrm.h. The zero value means "no mark".
type Mark struct {
	Value, Mask uint32
}

// Set reports whether the mark selects anything.
func (m Mark) Set() bool { return m.Mask != 0 }

// Holds reports whether a packet whose mark has the value, and no other bits,
// is selected.
func (m Mark) Holds(value uint32) bool { return value&m.Mask == m.Value }

// Clashes reports whether both marks look at common bits and one packet can be
// selected by both. Marks whose masks have no bit in common are independent:
// that is what masks are for.
func (m Mark) Clashes(o Mark) bool {
	common := m.Mask & o.Mask
	return common != 0 && (m.Value^o.Value)&common == 0
}

// String returns the form 0x1/0xffffffff, or "none" for the zero value.
func (m Mark) String() string {
	if !m.Set() {
		return "none"
	}
	return fmt.Sprintf("%#x/%#x", m.Value, m.Mask)
}
