package conn

import "strings"

// word is one allowed value and what it means.
type word struct {
	text  string
	value uint8
}

// yes and no are the meanings of the words of a yesNo key.
const (
	no  = 0
	yes = 1
)

// Words that mean yes and no; 1 and 0 are allowed for plain switches only.
var (
	yesNoText = []word{
		{"yes", yes}, {"no", no}, {"true", yes}, {"false", no}, {"on", yes}, {"off", no}, {"y", yes}, {"n", no},
	}
	yesNoDigits = []word{{"1", yes}, {"0", no}}
)

// wordList holds the values of a kind of key.
type wordList struct {
	yesNo bool   // the words of yesNoText as well
	words []word // further words
	valid string // for messages
}

var wordLists = [...]wordList{
	yesNo:       {yesNo: true, words: yesNoDigits, valid: "yes or no"},
	yesNoAuto:   {yesNo: true, words: []word{{"auto", 2}}, valid: "yes, no or auto"},
	yesNoEither: {yesNo: true, words: []word{{"either", 2}}, valid: "yes, no or either"},
	yesNoForce:  {yesNo: true, words: []word{{"force", 2}, {"insist", 2}, {"never", no}}, valid: "yes, no or force"},
	tcpWord:     {yesNo: true, words: []word{{"fallback", 2}}, valid: "yes, no or fallback"},
	ppkWord: {yesNo: true, valid: "never, permit, propose or insist",
		words: []word{{"never", no}, {"permit", 2}, {"propose", yes}, {"insist", 3}, {"always", 3}}},
	ikev2Word: {yesNo: true, valid: "yes or no",
		words: []word{{"never", no}, {"permit", no}, {"propose", yes}, {"insist", yes}, {"always", yes}}},
	keyexchangeWord: {words: []word{{"ikev1", exchangeIKEv1}, {"ikev2", exchangeIKEv2}, {"ike", exchangeAny}}, valid: "ikev1 or ikev2"},
	familyWord: {valid: "ipv4 or ipv6",
		words: []word{{"ipv4", uint8(IPv4)}, {"inet", uint8(IPv4)}, {"ipv6", uint8(IPv6)}, {"inet6", uint8(IPv6)}}},
	typeWord: {valid: "tunnel, transport, passthrough or drop",
		words: []word{{"tunnel", uint8(TypeTunnel)}, {"transport", uint8(TypeTransport)}, {"pass", uint8(TypePassthrough)},
			{"passthrough", uint8(TypePassthrough)}, {"drop", uint8(TypeDrop)}, {"reject", uint8(TypeDrop)}}},
	autoWord: {valid: "ignore, add, ondemand, up or keep",
		words: []word{{"ignore", uint8(AutoIgnore)}, {"add", uint8(AutoAdd)}, {"ondemand", uint8(AutoOndemand)},
			{"route", uint8(AutoOndemand)}, {"up", uint8(AutoUp)}, {"start", uint8(AutoUp)}, {"keep", uint8(AutoKeep)}}},
	nicOffloadWord: {valid: "no, crypto or packet",
		words: []word{{"no", uint8(OffloadNo)}, {"crypto", uint8(OffloadCrypto)}, {"yes", uint8(OffloadCrypto)}, {"packet", uint8(OffloadPacket)}}},
	nattMethodWord:  {words: []word{{"both", 0}, {"rfc", 1}, {"drafts", 2}, {"none", 3}}, valid: "both, rfc, drafts or none"},
	xauthbyWord:     {words: []word{{"file", 0}, {"pam", 1}, {"alwaysok", 2}}, valid: "file, pam or alwaysok"},
	xauthfailWord:   {words: []word{{"hard", 0}, {"soft", 1}}, valid: "hard or soft"},
	phase2Word:      {words: []word{{"esp", phase2ESP}, {"ah", phase2AH}, {"default", phase2ESP}}, valid: "esp or ah"},
	sendcaWord:      {words: []word{{"none", 0}, {"issuer", 1}, {"all", 2}}, valid: "none, issuer or all"},
	ikev1PolicyWord: {words: []word{{"accept", 0}, {"reject", 1}, {"drop", 2}}, valid: "accept, reject or drop"},
	ddosModeWord:    {words: []word{{"auto", 0}, {"busy", 1}, {"unlimited", 2}}, valid: "auto, busy or unlimited"},
	ocspMethodWord:  {words: []word{{"get", 0}, {"post", 1}}, valid: "get or post"},
	dnsResolverWord: {words: []word{{"file", 0}, {"systemd", 1}}, valid: "file or systemd"},

	schemeWord: {valid: "overlay, underlay, not-mark, mark-underlay or two-rules",
		words: []word{{"overlay", uint8(SchemeOverlay)}, {"underlay", uint8(SchemeUnderlay)}, {"not-mark", uint8(SchemeNotMark)},
			{"mark-underlay", uint8(SchemeMarkUnderlay)}, {"two-rules", uint8(SchemeTwoRules)}}},
	localLANWord: {words: []word{{"direct", uint8(LocalLANDirect)}, {"tunnel", uint8(LocalLANTunnel)}}, valid: "direct or tunnel"},
	escapeWord:   {words: []word{{"mark", uint8(EscapeMark)}, {"peer", uint8(EscapePeer)}}, valid: "mark or peer"},
	onLossWord: {valid: "block, keep or withdraw",
		words: []word{{"block", uint8(OnLossBlock)}, {"keep", uint8(OnLossKeep)}, {"withdraw", uint8(OnLossWithdraw)}}},
	addrDevWord:   {words: []word{{"ipsec", uint8(AddrDevIPsec)}, {"lo", uint8(AddrDevLo)}}, valid: "ipsec or lo"},
	hookErrorWord: {words: []word{{"fail", uint8(HookErrorFail)}, {"warn", uint8(HookErrorWarn)}}, valid: "fail or warn"},
	routeByWord:   {words: []word{{"destination", uint8(RouteByDestination)}, {"source", uint8(RouteBySource)}}, valid: "destination or source"},
}

// Meanings of keyexchange=. With ike it is ikev2= that counts.
const (
	exchangeAny = iota
	exchangeIKEv1
	exchangeIKEv2
)

// Meanings of phase2=.
const (
	phase2ESP = iota
	phase2AH
)

// parseWord returns the meaning of a word, in any case of letters.
func parseWord(k kind, s string) (uint8, bool) {
	list := wordLists[k]
	if list.yesNo {
		if v, ok := findWord(yesNoText, s); ok {
			return v, true
		}
	}
	return findWord(list.words, s)
}

func findWord(words []word, s string) (uint8, bool) {
	for _, w := range words {
		if equalFold(w.text, s) {
			return w.value, true
		}
	}
	return 0, false
}

// equalFold compares a lower-case word with text in any case; only the letters
// of ASCII have a case here.
func equalFold(lower, s string) bool {
	if len(lower) != len(s) {
		return false
	}
	return lower == s || lower == asciiLower(s)
}

// problem tells what is wrong with a value; nil means nothing.
type problem struct {
	at   int    // index in the value
	text string // what is wrong
	hint string
}

// checkWord checks the value of a key whose kind has a list of words.
func checkWord(k kind, s string) *problem {
	if _, ok := parseWord(k, s); ok {
		return nil
	}
	p := &problem{text: quote(s) + " is not " + wordLists[k].valid}
	if k == nicOffloadWord && equalFold("auto", s) {
		p.hint = "libreswan 4.10 knows it, and has it as the default; libreswan 5 has no"
	}
	if s == "" {
		p.text = "the value is empty, it must be " + wordLists[k].valid
	}
	return p
}

// checkValue checks a value against the kind of its key.
func checkValue(k kind, s string) *problem {
	switch k {
	case anyString:
		return nil
	case number:
		_, p := parseNumber(s)
		return p
	case setupNumber:
		if s == "-1" {
			return nil
		}
		_, p := parseNumber(s)
		return p
	case duration:
		return checkScaled(s, durationUnits)
	case byteCount:
		_, p := parseScaled(s, byteUnits)
		return p
	case percent:
		rest, ok := strings.CutSuffix(s, "%")
		if _, err := parseDecimal(rest); !ok || err != nil {
			return &problem{text: quote(s) + " is not a percentage such as 100%"}
		}
		return nil
	}
	return checkWord(k, s)
}
