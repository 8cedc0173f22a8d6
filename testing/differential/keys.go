package differential

import "strings"

// valueKind is how libreswan 5.2 stores a value. What fits no kind is dropped
// with a warning.
type valueKind uint8

const (
	text         valueKind = iota // any string
	list                          // a string that is joined over sections
	host                          // an address, a name or a word with %
	also                          // also=
	obsolete                      // dropped
	yesNo                         // stored as a number, printed as yes or no
	word                          // one of a list of words
	unsigned                      // to the base 10
	seconds                       // a time, in seconds without unit
	milliseconds                  // a time, in milliseconds without unit
	percent                       // a number and a percent sign
	binary                        // a number, with Ki and so on
	byteCount                     // a number, with KiB and so on
	debugSet                      // words of pluto's debugging
)

// Properties of a key.
type keyFlags uint8

const (
	inSetup keyFlags = 1 << iota // allowed in config setup
	inConn                       // allowed in conn
	sided                        // takes left or right in front
	hidden                       // never printed, or printed in a place of its own
)

// key is a row of libreswan 5.2's table of keys, in its order, which is the
// order in which it prints.
type key struct {
	name  string
	kind  valueKind
	flags keyFlags
	field string // key that shares the stored value, empty when none does
	words string // for word: groups of equal meaning, see meaningOf
}

// Words that values may have; groups are separated by "|", words of one
// meaning by blanks.
const (
	ikev1PolicyWords      = "accept|reject|drop"
	ocspMethodWords       = "get|post"
	ddosModeWords         = "auto|busy|unlimited"
	sendcertWords         = "never|sendifasked|alwayssend always"
	yesNoWords            = "yes true on y 1|no false off n 0"
	authWords             = "never|secret|rsasig rsa|ecdsa|null|eaponly"
	eapWords              = "none|tls"
	autoWords             = "ignore|add|ondemand|route|up|start|keep"
	familyWords           = "ipv4 v4 inet|ipv6 v6 inet6"
	typeWords             = "tunnel|transport|pass passthrough|reject|drop"
	keyexchangeWords      = "ike|ikev1|ikev2"
	ikev2Words            = "never permit no false off n|propose insist yes true on y always"
	ppkWords              = "never no false off n|permit|propose yes true on y|insist always"
	esnWords              = "yes true on y|no false off n|either"
	fragmentationWords    = "yes true on y|no false off n never|force insist"
	yesNoAutoWords        = "yes true on y|no false off n|auto"
	natMethodWords        = "both|rfc|drafts|none"
	peerTypeWords         = "cisco"
	xauthbyWords          = "file|pam|alwaysok"
	xauthfailWords        = "hard|soft"
	nicOffloadWords       = "no|crypto yes|packet"
	failureShuntWords     = "none|passthrough|drop hold|reject"
	negotiationShuntWords = "passthrough|drop hold"
	tcpWords              = "yes true on y|no false off n|fallback"
	phase2Words           = "esp|ah|default"
	sendcaWords           = "none|issuer|all"
)

// fieldName returns the key under whose name the value is stored.
func (k *key) fieldName() string {
	if k.field != "" {
		return k.field
	}
	return k.name
}

// findKey looks up a key as it is written in a file. Side is "left", "right" or
// empty; unprefixed keys of an end have none.
func findKey(spelled string) (k *key, side string) {
	spelled = strings.ToLower(spelled)
	for i := range keys {
		k := &keys[i]
		if spelled == k.name {
			return k, ""
		}
		if k.flags&sided == 0 {
			continue
		}
		for _, side := range []string{"left", "right"} {
			if rest, ok := strings.CutPrefix(spelled, side); ok && (rest == k.name || rest == "-"+k.name) {
				return k, side
			}
		}
	}
	return nil, ""
}
