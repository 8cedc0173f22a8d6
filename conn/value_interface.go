package conn

import (
	"math"
	"strconv"
	"strings"
)

// parseInterface reads the value of ipsec-interface=: no, yes (which is 1) or a
// number to the base 10. 1 and 0 are numbers here, not yes and no.
func parseInterface(s string) (Interface, *problem) {
	if v, ok := findWord(yesNoText, s); ok {
		if v == no {
			return Interface{}, nil
		}
		return InterfaceOf(1), nil
	}
	v, p := parseDecimal(s)
	switch {
	case p != nil:
		return Interface{}, &problem{text: quote(s) + " is not no, yes, external or a number"}
	case v >= math.MaxUint32:
		return Interface{}, &problem{text: quote(s) + " is too large", hint: "the largest is 4294967294"}
	case v == 0:
		return InterfaceOf(ipsecZeroIfID), nil
	}
	return InterfaceOf(uint32(v)), nil
}

// external is the value of ipsec-interface= that libreswan does not have.
const external = "external"

// external reads ipsec-interface=external, which leaves the if_id to if_id=.
func (b *builder) external(c *Conn, kv *KeyValue) {
	c.External = true
	c.Interface = Interface{IfID: c.IfID, Name: externalName}
	if b.get(keyIfID) == nil {
		b.at(kv, Error, CodeRequired, "it needs if_id=", "give every conn of the interface the if_id of its own SAs")
	}
	if b.file.shared {
		b.at(kv, Warning, CodeRefusedValue, "libreswan refuses a conn with this value", "keep the conn in a file that libreswan does not read")
	}
}

// InterfaceOf names the device of an if_id as libreswan does, ipsecN.
func InterfaceOf(ifID uint32) Interface {
	n := uint64(ifID)
	if ifID == ipsecZeroIfID {
		n = 0
	}
	return Interface{IfID: ifID, Name: "ipsec" + strconv.FormatUint(n, 10)}
}

// IfIDOf returns the if_id of a device that has a name of InterfaceOf.
func IfIDOf(name string) (ifID uint32, ok bool) {
	digits, ok := strings.CutPrefix(name, "ipsec")
	n, err := strconv.ParseUint(digits, 10, 32)
	if n == 0 {
		n = ipsecZeroIfID
	}
	i := InterfaceOf(uint32(n))
	return i.IfID, ok && err == nil && i.Name == name
}
