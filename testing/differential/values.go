package differential

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// stored returns what libreswan 5.2 makes of a value: two values are equal when
// their stored forms are. It is false for a value that it drops.
func (k *key) stored(value string) (string, bool) {
	switch k.kind {
	case yesNo:
		return meaningOf(yesNoWords, value)
	case word:
		return meaningOf(k.words, value)
	case unsigned:
		n, ok := decimal(value)
		return strconv.FormatInt(int64(n), 10), ok
	case seconds:
		return duration(value, "s")
	case milliseconds:
		return duration(value, "ms")
	case percent:
		digits, ok := strings.CutSuffix(value, "%")
		n, isNumber := decimal(digits)
		return digits, ok && isNumber && n <= math.MaxUint32
	case binary:
		return scaled(value, binaryUnits, "")
	case byteCount:
		return scaled(value, byteUnits, "")
	case obsolete:
		return "", false
	}
	return value, true
}

// isNumber tells whether 5.2 compares values of two sections by their stored
// form. Strings it takes for different even when they are equal.
func (k *key) isNumber() bool {
	switch k.kind {
	case text, list, host, also, obsolete:
		return false
	}
	return true
}

// isPublicKey tells whether a value is a key or a word such as %cert.
func (k *key) isPublicKey() bool {
	return k.name == "rsasigkey" || k.name == "ecdsakey" || k.name == "pubkey"
}

// meaningOf returns the first word of the group that holds value.
func meaningOf(words, value string) (string, bool) {
	for group := range strings.SplitSeq(words, "|") {
		names := strings.Fields(group)
		for _, name := range names {
			if strings.EqualFold(name, value) {
				return names[0], true
			}
		}
	}
	return "", false
}

// decimal reads digits to the base 10.
func decimal(s string) (uint64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

var (
	timeUnits = map[string]int64{
		"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6, "d": 86400e6, "w": 7 * 86400e6,
	}
	binaryUnits = map[string]int64{
		"": 1, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40, "pi": 1 << 50, "ei": 1 << 60,
	}
	byteUnits = map[string]int64{ // EiB is missing in 5.2
		"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
	}
)

// duration returns a time in seconds as 5.2 prints it.
func duration(value, unit string) (string, bool) {
	micros, ok := scaled(value, timeUnits, unit)
	if !ok {
		return "", false
	}
	n, _ := strconv.ParseInt(micros, 10, 64)
	s := strconv.FormatInt(n/1e6, 10)
	if rest := n % 1e6; rest != 0 {
		digits := strconv.FormatInt(1e6+rest, 10)[1:]
		s += "." + strings.TrimRight(digits, "0")
	}
	return s, true
}

// scaled reads a number with an optional fraction and unit. After a point
// without digits 5.2 loses the rest of the text.
func scaled(value string, units map[string]int64, unit string) (string, bool) {
	end := strings.IndexFunc(value, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(value)
	}
	whole, rest := value[:end], value[end:]
	fraction := ""
	if after, ok := strings.CutPrefix(rest, "."); ok {
		digits := strings.TrimLeft(after, "0123456789")
		fraction = after[:len(after)-len(digits)]
		rest = digits
		if fraction == "" {
			rest = ""
		}
	}
	if whole == "" && fraction == "" {
		return "", false
	}
	if rest != "" {
		unit = strings.ToLower(rest)
	}
	size, ok := units[unit]
	if !ok {
		return "", false
	}
	n, _ := new(big.Int).SetString("0"+whole, 10)
	n.Mul(n, big.NewInt(size))
	part, ok := fractionOf(fraction, size)
	n.Add(n, big.NewInt(part))
	return strconv.FormatInt(int64(n.Uint64()), 10), ok && n.IsUint64()
}

// fractionOf returns the part of a unit; too many digits are refused.
func fractionOf(digits string, size int64) (int64, bool) {
	n, isNumber := decimal(digits)
	if n == 0 {
		return 0, digits == "" || isNumber
	}
	parts := int64(1)
	for range digits {
		if parts > size/10 {
			return 0, false
		}
		parts *= 10
	}
	return int64(n) * (size / parts), true
}
