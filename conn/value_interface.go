package conn

import (
	"math"
	"strconv"
)

// parseInterface reads the value of ipsec-interface=: no, yes (which is 1) or a
// number to the base 10. 1 and 0 are numbers here, not yes and no.
func parseInterface(s string) (Interface, *problem) {
	if v, ok := findWord(yesNoText, s); ok {
		if v == no {
			return Interface{}, nil
		}
		return interfaceOf(1), nil
	}
	v, p := parseDecimal(s)
	switch {
	case p != nil:
		return Interface{}, &problem{text: quote(s) + " is not no, yes or a number"}
	case v >= math.MaxUint32:
		return Interface{}, &problem{text: quote(s) + " is too large", hint: "the largest is 4294967294"}
	case v == 0:
		return interfaceOf(ipsecZeroIfID), nil
	}
	return interfaceOf(uint32(v)), nil
}

// interfaceOf names the device of an if_id as libreswan does.
func interfaceOf(ifID uint32) Interface {
	n := uint64(ifID)
	if ifID == ipsecZeroIfID {
		n = 0
	}
	return Interface{IfID: ifID, Name: "ipsec" + strconv.FormatUint(n, 10)}
}
