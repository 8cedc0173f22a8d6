package conn

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// parseNumber reads an unsigned number as libreswan does: 0x is hexadecimal, 0b
// binary and a leading 0 octal.
func parseNumber(s string) (uint64, *problem) {
	v, end, p := scanNumber(s)
	if p == nil && end < len(s) {
		return 0, notNumber(s)
	}
	return v, p
}

// scanNumber reads the number that s begins with and returns the index after
// it.
func scanNumber(s string) (v uint64, end int, p *problem) {
	base, i := uint64(10), 0
	if len(s) > 1 && s[0] == '0' {
		switch {
		case s[1] == 'x' || s[1] == 'X':
			base, i = 16, 2
		case s[1] == 'b' || s[1] == 'B':
			base, i = 2, 2
		case '0' <= s[1] && s[1] <= '9':
			base, i = 8, 1
		}
	}
	start := i
	for ; i < len(s); i++ {
		d, ok := digit(s[i])
		if !ok || d >= base {
			break
		}
		hi, lo := bits.Mul64(v, base)
		sum, carry := bits.Add64(lo, d, 0)
		if hi != 0 || carry != 0 {
			return 0, 0, &problem{text: quote(s) + " is too large"}
		}
		v = sum
	}
	if i == start {
		return 0, 0, notNumber(s)
	}
	return v, i, nil
}

func digit(c byte) (uint64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return uint64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return uint64(c-'A') + 10, true
	}
	return 0, false
}

func notNumber(s string) *problem {
	switch {
	case s == "":
		return &problem{text: "a number is missing"}
	case len(s) > 1 && s[0] == '0' && strings.Trim(s, "0123456789") == "":
		return &problem{text: quote(s) + " is not a number", hint: "a leading 0 makes it octal"}
	}
	return &problem{text: quote(s) + " is not a number"}
}

// isOctal tells whether a number was read as octal because of a leading 0 that
// its writer may have taken for padding.
func isOctal(s string) bool {
	return len(s) > 1 && s[0] == '0' && strings.Trim(s, "01234567") == "" && strings.Trim(s, "0") != ""
}

// hasOctal tells whether a field of an address or its length was read as octal.
func hasOctal(s string) bool {
	for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '.' || r == '/' }) {
		if isOctal(f) {
			return true
		}
	}
	return false
}

// parseDecimal reads an unsigned number to the base 10.
func parseDecimal(s string) (uint64, *problem) {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil || s[0] == '+' {
		p := notNumber(s)
		p.hint = ""
		return 0, p
	}
	return v, nil
}

// parseRange reads a number that must lie between low and high.
func parseRange(s string, low, high uint64) (uint64, *problem) {
	v, p := parseNumber(s)
	if p == nil && (v < low || v > high) {
		p = &problem{text: quote(s) + " is not in the range " + strconv.FormatUint(low, 10) + " to " + strconv.FormatUint(high, 10)}
	}
	return v, p
}

// unit is a suffix of a number and its size in the smallest unit.
type unit struct {
	suffix string
	size   uint64
}

var (
	durationUnits = []unit{ // in microseconds
		{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 24 * 3600e6}, {"w", 7 * 24 * 3600e6},
	}
	byteUnits = []unit{
		{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"PiB", 1 << 50}, {"EiB", 1 << 60},
		{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}, {"Pi", 1 << 50}, {"Ei", 1 << 60},
	}
)

// checkScaled checks a number with an optional unit.
func checkScaled(s string, units []unit) *problem {
	_, p := parseScaled(s, units)
	return p
}

// parseScaled reads a decimal number, perhaps with a fraction and a unit. There
// is no octal here.
func parseScaled(s string, units []unit) (uint64, *problem) {
	i := 0
	for i < len(s) && ('0' <= s[i] && s[i] <= '9' || s[i] == '.') {
		i++
	}
	whole, fraction, dotted := strings.Cut(s[:i], ".")
	suffix := strings.TrimLeft(s[i:], " ")
	if i == 0 || whole == "" && fraction == "" || strings.Contains(fraction, ".") {
		return 0, notScaled(s, units)
	}
	size, ok := unitSize(suffix, units)
	if !ok {
		return 0, notScaled(s, units)
	}
	var v uint64
	if whole != "" {
		var p *problem
		if v, p = parseDecimal(whole); p != nil {
			return 0, &problem{text: quote(s) + " is too large"}
		}
	}
	hi, v := bits.Mul64(v, size)
	part := uint64(0)
	if dotted && fraction != "" {
		f, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil {
			return 0, notScaled(s, units)
		}
		part = uint64(f * float64(size))
	}
	if hi != 0 || v > math.MaxUint64-part {
		return 0, &problem{text: quote(s) + " is too large"}
	}
	return v + part, nil
}

// unitSize finds a unit in any case of letters. A duration without unit is in
// seconds, a binary number without unit counts single ones.
func unitSize(suffix string, units []unit) (uint64, bool) {
	if suffix == "" {
		return units[0].size, true
	}
	for _, u := range units {
		if strings.EqualFold(u.suffix, suffix) {
			return u.size, true
		}
	}
	return 0, false
}

func notScaled(s string, units []unit) *problem {
	what, example := "a number of bytes", "such as 1500 or 64KiB"
	if units[0].suffix != "" {
		what, example = "a duration", "such as 30, 90s or 1.5h"
	}
	if s == "" {
		return &problem{text: "the value is empty, it must be " + what, hint: example}
	}
	return &problem{text: quote(s) + " is not " + what, hint: example}
}
