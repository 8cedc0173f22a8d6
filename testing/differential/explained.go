package differential

// Explained is one known difference between package conn and libreswan 5.2.
// The corpus has a case named explained-NAME for each, which shows it alone.
type Explained struct {
	Name   string
	Ours   bool // conn differs from every libreswan on purpose; else 5.2 differs from 5.4
	Reason string

	// rewrite changes one place of the input into what conn reads as 5.2 reads
	// the original, and tells whether there was such a place. It is nil when the
	// difference shows only in the result, see outcome.go.
	rewrite func(*prediction) bool
}

// Names of the differences that outcome.go settles.
const (
	unknownKey     = "unknown-key"
	equalStrings   = "equal-strings"
	sameMeaning    = "same-meaning"
	espAndAH       = "esp-and-ah"
	ownConflict    = "own-conflict"
	emptyPublicKey = "empty-public-key"
	includeEnds    = "include-ends-section"
)

// List returns all explained differences in the order in which they are tried.
func List() []Explained {
	return []Explained{
		{Name: "nul", Ours: true, rewrite: rewriteNUL,
			Reason: "a NUL byte cuts a value short in libreswan; conn refuses the file as binary"},
		{Name: "carriage-return", Ours: true, rewrite: rewriteCarriageReturn,
			Reason: "libreswan makes the CR of CR LF part of names and values; conn refuses the file"},
		{Name: "forever", rewrite: rewriteForever,
			Reason: "5.2 reads the value %forever as 0; 5.4 has no such word"},
		{Name: "empty-name", Ours: true, rewrite: rewriteEmptyName,
			Reason: `libreswan takes "" as the name of a conn, file or version; conn refuses it as missing`},
		{Name: "stray-quote", Ours: true, rewrite: rewriteStrayQuote,
			Reason: "libreswan drops a double quote outside of values with a warning; conn refuses it"},
		{Name: "own-line", Ours: true, rewrite: rewriteOwnLine,
			Reason: "the rest of an x- line is free text for libreswan; conn reads x-ipsecif- keys by the rules of other keys"},
		{Name: "quote-in-list", Ours: true, rewrite: rewriteQuoteInList,
			Reason: "joined lists may contain a double quote in libreswan, which no file could spell; conn refuses the conn"},
		{Name: "hyphen-alone", rewrite: rewriteHyphenAlone,
			Reason: "5.2 reads left-= as left=; 5.4 refuses it"},
		{Name: "no-side", rewrite: rewriteNoSide,
			Reason: "5.2 takes a key that lacks left or right for the right one; the rules of conn refuse it"},
		{Name: "wrong-section", rewrite: rewriteWrongSection,
			Reason: "5.2 ignores a key of another kind of section; 5.4 refuses the file"},
		{Name: "obsolete", rewrite: rewriteObsolete,
			Reason: "keys that are obsolete in 5.4 still have a value in 5.2"},
		{Name: "wrong-value", rewrite: rewriteWrongValue,
			Reason: "5.2 drops a key whose value does not fit when it reads the file; 5.4 keeps the text and complains later"},
		{Name: "broken-default", rewrite: rewriteBrokenDefault,
			Reason: "5.2 reads no further conn %default after one whose nexthop=, vti= or authby= it cannot use; 5.4 reads all"},
		{Name: unknownKey,
			Reason: "5.2 refuses the keys that came with 5.3 and 5.4, and our own ones without x-"},
		{Name: emptyPublicKey,
			Reason: "5.2 aborts when rsasigkey=, ecdsakey= or pubkey= is empty; 5.4 keeps the empty text"},
		{Name: includeEnds,
			Reason: "the end of an included file ends a section in 5.2, so that a key after it is refused; 5.4 reads on in the section"},
		{Name: equalStrings,
			Reason: "a string set twice to the same value by also= makes the conn fail in 5.2; in 5.4 it is only a warning"},
		{Name: sameMeaning,
			Reason: "5.2 compares numbers and words that also= sets twice by meaning, as 32 bit numbers; 5.4 compares the text, except of auto="},
		{Name: espAndAH,
			Reason: "esp=, ah= and phase2alg= are one value in 5.2 and three in 5.4"},
		{Name: ownConflict, Ours: true,
			Reason: "our own keys are comments for libreswan, so also= finds no conflict in them"},
	}
}
