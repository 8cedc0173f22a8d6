package dns

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Domain is the name of a domain (RFC 1035, section 2.3): in lower case, without
// the dot at its end, never the root. The zero value is no domain.
type Domain string

// Lengths of RFC 1035, section 2.3.4: a name of 255 octets on the wire has 253
// characters.
const (
	maxName  = 253
	maxLabel = 63
)

// characters are those of a label. Some of other scripts become one of them in
// lower case, such as the Kelvin sign.
const characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// ParseDomain reads a domain. Letters, digits, hyphens and underscores make its
// labels; a name of another script comes in its ASCII form (xn--).
func ParseDomain(s string) (Domain, error) {
	refuse := func(why string) (Domain, error) { return "", fmt.Errorf("domain %q %s", clip(s), why) }
	name := strings.TrimSuffix(s, ".")
	switch {
	case name == "":
		return refuse("is empty or the root")
	case len(name) > maxName:
		return refuse("is longer than 253 characters")
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return refuse("has an empty label")
		case len(label) > maxLabel:
			return refuse("has a label of more than 63 characters")
		case label[0] == '-' || label[len(label)-1] == '-':
			return refuse("has a label that begins or ends with a hyphen")
		case strings.Trim(label, characters) != "":
			return refuse("has a character that no label has")
		}
	}
	return Domain(strings.ToLower(name)), nil
}

// ParseDomains reads domains separated by blanks, as PLUTO_PEER_DOMAIN_INFO has
// them. The error names all that are refused; the others are returned beside
// it.
func ParseDomains(list string) ([]Domain, error) {
	var domains []Domain
	var errs []error
	for _, word := range strings.Fields(list) {
		d, err := ParseDomain(word)
		if err != nil {
			errs = append(errs, err)
		} else if !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	return domains, errors.Join(errs...)
}

// clip keeps an error about a text of a stranger to a line.
func clip(s string) string {
	const enough = 64
	if len(s) > enough {
		return s[:enough] + "…"
	}
	return s
}
