package conn

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reservedLinks are names that no link can have, or that mean something else
// below /proc/sys/net.
var reservedLinks = []string{".", "..", "all", "default", "lo"}

// parseLinkName reads the name of a link. The rules are those of the kernel
// (dev_valid_name of net/core/dev.c), which takes the byte 0xa0 for a blank; it
// would replace %d by a number, and what is not UTF-8 is lost in JSON.
func parseLinkName(s string) (string, *problem) {
	isBlank := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	p := &problem{text: quote(s) + " is not a device name"}
	switch {
	case s == "":
		p.text = "the value is empty"
	case len(s) > maxDeviceName:
		p.hint = "at most 15 bytes"
	case strings.ContainsAny(s, "/:%"):
		p.at = strings.IndexAny(s, "/:%")
		p.hint = "without / : and %"
	case !utf8.ValidString(s), strings.ContainsFunc(s, isBlank), strings.IndexByte(s, 0xa0) >= 0:
		p.hint = "without blanks and control characters"
	case slices.Contains(reservedLinks, s):
		p.hint = "this name is taken"
	default:
		return s, nil
	}
	return "", p
}
