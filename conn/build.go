package conn

import (
	"math"
	"slices"
	"strings"
)

// Keys that get a type. Those of an end are the left ones; endKey makes the
// right one of them.
var (
	keyHost          = keyFor("left")
	keyAddressPool   = keyFor("leftaddresspool")
	keyCAT           = keyFor("leftcat")
	keyInterfaceIP   = keyFor("leftinterface-ip")
	keyModeCfgClient = keyFor("leftmodecfgclient")
	keyModeCfgServer = keyFor("leftmodecfgserver")
	keyNextHop       = keyFor("leftnexthop")
	keyProtoPort     = keyFor("leftprotoport")
	keySourceIP      = keyFor("leftsourceip")
	keySubnet        = keyFor("leftsubnet")
	keySubnets       = keyFor("leftsubnets")
	keyUpdown        = keyFor("leftupdown")
	keyUpdownConfig  = keyFor("leftupdown-config")
	keyEndVTI        = keyFor("leftvti")

	keyAuto           = keyFor("auto")
	keyCompress       = keyFor("compress")
	keyConnAlias      = keyFor("connalias")
	keyCiscoSplit     = keyFor("cisco-split")
	keyEncapsulation  = keyFor("encapsulation")
	keyHostAddrFamily = keyFor("hostaddrfamily")
	keyIKEv2          = keyFor("ikev2")
	keyIPsecInterface = keyFor("ipsec-interface")
	keyKeyExchange    = keyFor("keyexchange")
	keyMark           = keyFor("mark")
	keyMarkIn         = keyFor("mark-in")
	keyMarkOut        = keyFor("mark-out")
	keyMetric         = keyFor("metric")
	keyMobike         = keyFor("mobike")
	keyModeCfgDNS     = keyFor("modecfgdns")
	keyModeCfgDomains = keyFor("modecfgdomains")
	keyMTU            = keyFor("mtu")
	keyNarrowing      = keyFor("narrowing")
	keyNflogGroup     = keyFor("nflog-group")
	keyNICOffload     = keyFor("nic-offload")
	keyNMConfigured   = keyFor("nm-configured")
	keyOverlapIP      = keyFor("overlapip")
	keyPhase2         = keyFor("phase2")
	keyPriority       = keyFor("priority")
	keyReqID          = keyFor("reqid")
	keyType           = keyFor("type")
	keyVTIInterface   = keyFor("vti-interface")
	keyVTIRouting     = keyFor("vti-routing")
	keyVTIShared      = keyFor("vti-shared")
	keyManaged        = keyFor("ipsec-interface-managed")
	keyDNSResolver    = keyFor("dns-resolver")
	keyAccept         = keyFor("accept")
	keyAcceptHost     = keyFor("accept-host")
	keyEscape         = keyFor("escape")
	keyIfID           = keyFor("if_id")
	keyInterfaceIPDev = keyFor("interface-ip-dev")
	keyLinkMTU        = keyFor("link-mtu")
	keyLinkName       = keyFor("link-name")
	keyLocalLAN       = keyFor("local-lan")
	keyMSS            = keyFor("mss")
	keyMulticast      = keyFor("multicast")
	keyNetns          = keyFor("netns")
	keyOnLoss         = keyFor("on-loss")
	keyHookError      = keyFor("on-hook-error")
	keyProxyARP       = keyFor("proxy-arp")
	keyRouteBy        = keyFor("route-by")
	keyRulePriority   = keyFor("rule-priority")
	keyScheme         = keyFor("scheme")
	keyTable          = keyFor("table")
	keyVRF            = keyFor("vrf")
)

// endKey returns the key of one side for a left key.
func endKey(left keyID, side Side) keyID { return left | keyID(side) }

// builder gives the keys of sections their types.
type builder struct {
	collector
	file     *File
	setup    Setup
	seen     map[problemPlace]bool // what was reported; many conns may share a template
	products int                   // conns made by subnets= lists so far

	// Of the section that is being built.
	section *Section
	slots   []int32 // canonical keyID -> index in section.Keys plus 1
	broken  bool
	ikev1   bool // it is negotiated by the old protocol
}

// problemPlace identifies a problem without the conn in which it shows.
type problemPlace struct {
	pos       Pos
	code, key string
}

// newBuilder prepares to type sections of f; setup gives values to conns that
// do not set our own keys.
func newBuilder(f *File) *builder {
	return &builder{file: f, slots: make([]int32, 2*len(keywords))}
}

// Conns returns the conns that can be used, in the order of the files. Of
// several conns with one name it returns the first. Sections that are broken
// or hold a wrong value are left out and named by the diagnostics; so are,
// without a word, sections that lack left or right because they are only meant
// to be taken into others by also=.
func (f *File) Conns() ([]Conn, Diagnostics) {
	b := newBuilder(f)
	b.setup, _ = f.Settings()
	conns := make([]Conn, 0, len(f.Sections))
	for i := range f.Sections {
		if f.first[f.Sections[i].Name] == i {
			conns = b.build(conns, &f.Sections[i])
		}
	}
	return conns, b.finish(f.order)
}

// Lookup returns the conns of one section, or the one conn NAME/1x2 of a
// product of subnets= lists. It costs nothing for the other sections. The list
// is empty when the name is unknown, and when the conn cannot be used.
func (f *File) Lookup(name string) ([]Conn, Diagnostics) {
	b := newBuilder(f)
	b.setup, _ = f.Settings()
	if i, ok := f.first[name]; ok {
		return b.build(nil, &f.Sections[i]), b.finish(f.order)
	}
	section, _ := SectionOf(name)
	i, ok := f.first[section]
	if !ok {
		return nil, nil
	}
	conns := b.build(nil, &f.Sections[i])
	conns = slices.DeleteFunc(conns, func(c Conn) bool { return c.Name != name })
	return conns, b.finish(f.order)
}

// SectionOf returns NAME of NAME/1x2: the section that a member of a product of
// subnets= lists comes from, unless a section has the whole name.
func SectionOf(member string) (name string, ok bool) {
	slash := strings.LastIndexByte(member, '/')
	return member[:max(slash, 0)], slash >= 0
}

// begin makes a section the one that is being built.
func (b *builder) begin(s *Section) {
	b.section, b.broken = s, s.Broken
	for i := range s.Keys {
		b.slots[s.Keys[i].id.canonical()] = int32(i + 1)
	}
}

// checkKinds checks every value that must be a word or a number, also those
// of keys that get no type. A conn that never negotiates does not look at most
// of them.
func (b *builder) checkKinds(negotiates bool) {
	for i := range b.section.Keys {
		kv := &b.section.Keys[i]
		kw := kv.id.row()
		if negotiates || kw.flags&own != 0 || kw.kind == typeWord || kw.kind == autoWord || kw.kind == familyWord {
			b.problem(kv, checkValue(kw.kind, kv.Value))
		}
	}
}

// end forgets the keys of the section.
func (b *builder) end() {
	for i := range b.section.Keys {
		b.slots[b.section.Keys[i].id.canonical()] = 0
	}
}

// get returns the entry of a key, nil when it is not set.
func (b *builder) get(id keyID) *KeyValue {
	if i := b.slots[id]; i > 0 {
		return &b.section.Keys[i-1]
	}
	return nil
}

// problem reports what is wrong with a value; p may be nil.
func (b *builder) problem(kv *KeyValue, p *problem) {
	if p == nil {
		return
	}
	pos := kv.ValuePos()
	if kv.id.row().flags&appended == 0 { // else the value may be joined from several places
		pos.Col += p.at
	}
	b.report(Diagnostic{Pos: pos, Code: CodeInvalidValue, Key: kv.Key, Text: p.text, Hint: p.hint})
}

// at reports something about a key that is set.
func (b *builder) at(kv *KeyValue, s Severity, code, text, hint string) {
	b.report(Diagnostic{Pos: kv.ValuePos(), Severity: s, Code: code, Key: kv.Key, Text: text, Hint: hint})
}

// report adds a diagnostic about the section, once for each place.
func (b *builder) report(d Diagnostic) {
	d.Conn = b.section.Name
	b.broken = b.broken || d.Severity == Error
	place := problemPlace{d.Pos, d.Code, d.Key}
	if b.seen[place] {
		return
	}
	if b.seen == nil {
		b.seen = make(map[problemPlace]bool)
	}
	if len(b.list) < maxProblems {
		b.seen[place] = true
	}
	b.add(d)
}

// wordOf returns the meaning of a key with words, otherwise when it is not set
// or wrong. Wrong words are reported by checkKinds.
func (b *builder) wordOf(id keyID, otherwise uint8) uint8 {
	if kv := b.get(id); kv != nil {
		if v, ok := parseWord(id.row().kind, kv.Value); ok {
			return v
		}
	}
	return otherwise
}

// isYes returns the meaning of a switch that is off when it is not set.
func (b *builder) isYes(id keyID) bool { return b.wordOf(id, no) == yes }

// numberOf returns a number in a range, 0 when the key is not set.
func (b *builder) numberOf(id keyID, low, high uint64) uint64 {
	kv := b.get(id)
	if kv == nil {
		return 0
	}
	v, p := parseRange(kv.Value, low, high)
	b.problem(kv, p)
	if p == nil {
		b.octalNumber(kv, 0, kv.Value, v)
	}
	return v
}

// octalNumber warns of a number at an index of a value that is not what it
// looks like.
func (b *builder) octalNumber(kv *KeyValue, at int, text string, v uint64) {
	if !isOctal(text) {
		return
	}
	pos := kv.ValuePos()
	pos.Col += at
	b.report(Diagnostic{Pos: pos, Severity: Warning, Code: CodeNumberForm, Key: kv.Key,
		Text: quote(text) + " is octal because of the leading 0: it means " + decimal(v)})
}

// ownValues fills in our own keys. Those that are not there keep the value of config
// setup, which is there before.
func (b *builder) ownValues(s *Own) {
	if s.RouteBy = RouteBy(b.wordOf(keyRouteBy, uint8(s.RouteBy))); s.RouteBy == RouteBySource {
		s.Table, s.RulePriority, s.Scheme = 0, 0, SchemeUnset // those of config setup are for the others
	}
	if v := b.numberOf(keyTable, 1, math.MaxUint32); v != 0 {
		s.Table = uint32(v)
	}
	if v := b.numberOf(keyRulePriority, 1, maxRulePriority); v != 0 {
		s.RulePriority = uint32(v)
	}
	s.Scheme = Scheme(b.wordOf(keyScheme, uint8(s.Scheme)))
	s.LocalLAN = LocalLAN(b.wordOf(keyLocalLAN, uint8(s.LocalLAN)))
	s.Escape = Escape(b.wordOf(keyEscape, uint8(s.Escape)))
	s.HookError = HookError(b.wordOf(keyHookError, uint8(s.HookError)))
	s.OnLoss = OnLoss(b.wordOf(keyOnLoss, uint8(s.OnLoss)))
	s.LinkMTU = b.sizeOf(keyLinkMTU, minLinkMTU, maxLinkMTU, s.LinkMTU)
	s.MSS = b.sizeOf(keyMSS, minMSS, maxMSS, s.MSS)
	s.Accept = b.tablesOf(keyAccept, s.Accept)
}

// maxRulePriority keeps our rules in front of the kernel's rule for the main
// table, which has the priority 32766.
const maxRulePriority = 32765
