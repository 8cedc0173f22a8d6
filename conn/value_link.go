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

// shellChars are the characters that mean something to a shell, or to ip(8) in
// a batch.
const shellChars = "\"'`$\\&;|<>()*?[]#~=%!{}"

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
	case strings.ContainsAny(s, shellChars):
		p.at = strings.IndexAny(s, shellChars)
		p.hint = "without characters that mean something to a shell, which may run what `ipsecif plan` prints"
	case slices.Contains(reservedLinks, s):
		p.hint = "this name is taken"
	default:
		return s, nil
	}
	return "", p
}

// maxNetnsName is the most bytes that the name of a file may have.
const maxNetnsName = 255

// parseNetns reads the name of a network namespace, which is that of a file
// below /run/netns. One with a minus in front would be an option of ip(8).
func parseNetns(s string) (string, *problem) {
	isBlank := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	p := &problem{text: quote(s) + " is not the name of a network namespace"}
	switch {
	case s == "":
		p.text = "the value is empty"
	case strings.Contains(s, "/"):
		p.at = strings.Index(s, "/")
		p.hint = "a name as `ip netns` shows it, not a path"
	case s == ".", s == "..", strings.HasPrefix(s, "-"), len(s) > maxNetnsName:
		p.hint = "a name as `ip netns` shows it"
	case !utf8.ValidString(s), strings.ContainsFunc(s, isBlank), strings.ContainsAny(s, shellChars):
		p.hint = "without blanks and characters that mean something to a shell"
	default:
		return s, nil
	}
	return "", p
}
