package conn

import "strings"

// kind tells what values a keyword takes. Values are checked against it when
// they are given a type, not when the file is read.
type kind uint8

const (
	anyString kind = iota
	yesNo          // yes no true false on off y n 1 0
	yesNoAuto
	yesNoEither
	yesNoForce // fragmentation=
	ppkWord    // ppk=
	ikev2Word  // ikev2=
	tcpWord    // enable-tcp=
	keyexchangeWord
	familyWord // hostaddrfamily=
	typeWord
	autoWord
	nicOffloadWord
	nattMethodWord
	xauthbyWord
	xauthfailWord
	phase2Word
	sendcaWord
	ikev1PolicyWord
	ddosModeWord
	ocspMethodWord
	dnsResolverWord
	schemeWord
	localLANWord
	escapeWord
	onLossWord
	addrDevWord
	routeByWord
	hookErrorWord
	number      // base 0: octal with a leading 0
	setupNumber // base 0, or -1
	duration    // seconds, or with a unit
	byteCount   // with a binary unit
	percent
)

// keyFlags holds the properties of a keyword.
type keyFlags uint16

const (
	inConn    keyFlags = 1 << iota // allowed in conn
	inSetup                        // allowed in config setup
	sided                          // needs left or right in front
	appended                       // values of several sections are joined by a blank
	also                           // also=
	obsolete                       // accepted and ignored
	cmdline                        // allowed on pluto's command line only
	own                            // ours, unknown to libreswan
	negotiate                      // ignored by a conn that never negotiates
	since5                         // unknown to libreswan 4.10
	decimal4                       // libreswan 4.10 reads a decimal number and nothing behind it
)

// keyword is one row of the table.
type keyword struct {
	name  string // without left or right
	alias string // canonical name when this is another spelling of it
	flags keyFlags
	kind  kind
}

// ownPrefix begins the spelling of our own keys that libreswan takes as a
// comment.
const ownPrefix = "x-ipsecif-"

// keyID identifies a spelling of a key: two for each row of the table, the
// second one for the right side.
type keyID uint16

func (id keyID) row() *keyword { return &keywords[id>>1] }

// canonical returns the key that an alias stands for.
func (id keyID) canonical() keyID { return canonicalKeys[id>>1] | id&1 }

// match is the result of a look-up.
type match struct {
	id       keyID
	noSide   bool // the key needs left or right
	prefixed bool // own key written with ownPrefix
}

var (
	keyIndex, canonicalKeys, keyNames = indexKeywords()
)

// indexKeywords builds the map from lower-case spelling to key, the list that
// resolves aliases and the canonical name of each key.
func indexKeywords() (index map[string]match, canonical []keyID, names []string) {
	index = make(map[string]match, 4*len(keywords))
	canonical = make([]keyID, len(keywords))
	names = make([]string, 2*len(keywords))
	for i := range keywords {
		kw := &keywords[i]
		id := keyID(2 * i)
		canonical[i] = id
		names[id], names[id+1] = kw.name, kw.name
		if kw.flags&sided == 0 {
			index[kw.name] = match{id: id}
			continue
		}
		names[id], names[id+1] = "left"+kw.name, "right"+kw.name
		index[names[id]] = match{id: id}
		index[names[id+1]] = match{id: id + 1}
		if kw.name != "" {
			index[kw.name] = match{id: id, noSide: true}
		}
	}
	for i := range keywords {
		if alias := keywords[i].alias; alias != "" {
			canonical[i] = index[alias].id
		}
	}
	return index, canonical, names
}

// lookupKey finds a key as it is written in a file: in any case, with or
// without a hyphen after left and right, own keys with or without prefix.
func lookupKey(key string) (match, bool) {
	if m, ok := keyIndex[key]; ok { // the usual case: no copy, no folding
		return m, true
	}
	key = asciiLower(key)
	if rest, ok := strings.CutPrefix(key, ownPrefix); ok {
		m, ok := keyIndex[rest]
		m.prefixed = true
		return m, ok && m.id.row().flags&own != 0
	}
	if m, ok := keyIndex[key]; ok {
		return m, true
	}
	for _, side := range [...]string{"left", "right"} {
		if rest, ok := strings.CutPrefix(key, side+"-"); ok && rest != "" {
			m, ok := keyIndex[side+rest]
			return m, ok && m.id.row().flags&sided != 0
		}
	}
	return match{}, false
}

// keyFor returns the keyID of a canonical name; it is for package variables.
func keyFor(name string) keyID {
	m, ok := keyIndex[name]
	if !ok || m.noSide {
		panic("conn: no such key: " + name)
	}
	return m.id
}

// asciiLower folds the letters A to Z, as libreswan compares words.
func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
