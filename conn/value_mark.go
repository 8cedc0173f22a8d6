package conn

import (
	"math"
	"strconv"
	"strings"
)

// String returns the mark in the notation of iproute2, "0x1/0xffffffff", and
// the empty string when no mark is set.
func (m Mark) String() string {
	if !m.Set {
		return ""
	}
	return "0x" + strconv.FormatUint(uint64(m.Value), 16) + "/0x" + strconv.FormatUint(uint64(m.Mask), 16)
}

// MarshalText returns the text of String.
func (m Mark) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// markUnique is what mark=-1 once meant: a mark of its own for each instance.
// libreswan 5.3 lost it and takes the number as it is.
const markUnique = "-1"

// parseMark reads N or N/MASK; without MASK all bits count.
func parseMark(s string) (Mark, *problem) {
	text, mask, masked := strings.Cut(s, "/")
	m := Mark{Value: math.MaxUint32, Mask: math.MaxUint32, Set: true}
	if text != markUnique {
		v, p := parseMarkNumber(text, 0)
		if p != nil {
			return Mark{}, p
		}
		m.Value = v
	}
	if masked {
		v, p := parseMarkNumber(mask, len(text)+1)
		if p != nil {
			return Mark{}, p
		}
		m.Mask = v
	}
	if m.Value&^m.Mask != 0 {
		return Mark{}, &problem{text: "the value of " + quote(s) + " has bits outside of its mask"}
	}
	return m, nil
}

func parseMarkNumber(s string, at int) (uint32, *problem) {
	v, p := parseNumber(s)
	if p == nil && v > math.MaxUint32 {
		p = &problem{text: quote(s) + " is larger than 0xffffffff"}
	}
	if p != nil {
		p.at = at
	}
	return uint32(v), p
}
