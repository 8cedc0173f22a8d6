package conn

import (
	"math"
	"strings"
)

// build appends the conns of one section to list, none when it cannot be used.
func (b *builder) build(list []Conn, s *Section) []Conn {
	b.begin(s)
	defer b.end()
	c := Conn{Name: s.Name, Section: s.Name, Pos: s.Pos, keys: s.Keys}
	c.Type = Type(b.wordOf(keyType, uint8(TypeTunnel)))
	c.Auto = Auto(b.wordOf(keyAuto, uint8(AutoIgnore)))
	if kv := b.get(keyType); kv != nil && equalFold("reject", kv.Value) {
		b.at(kv, Warning, CodeIgnored, "libreswan takes reject as drop", "")
	}
	if c.NeverNegotiates() {
		b.ignoreNegotiated()
	}
	b.checkKinds(!c.NeverNegotiates())
	if !b.isComplete(&c) {
		return list
	}
	b.ikev1 = b.isIKEv1(&c)
	b.hosts(&c)
	b.ends(&c)
	b.kernelValues(&c)
	b.interfaces(&c)
	b.linkName(&c)
	b.linkSettings(&c)
	b.marks(&c)
	b.offload(&c)
	b.modeConfig(&c)
	b.own(&c)
	subnets := b.subnets(&c)
	b.sourceIPs(&c)
	b.versionRules(&c)
	b.families(&c, subnets)
	if b.broken {
		return list
	}
	if subnets != nil {
		return b.product(list, &c, subnets)
	}
	return append(list, c)
}

// isComplete tells whether the section is a conn of its own. One without left
// or right is not, and that is no error when it is there for also= or when
// nothing loads it.
func (b *builder) isComplete(c *Conn) bool {
	complete := true
	for _, side := range [...]Side{Left, Right} {
		if b.get(endKey(keyHost, side)) != nil {
			continue
		}
		complete = false
		if c.Auto != AutoIgnore && !b.section.template {
			b.report(Diagnostic{Pos: c.Pos, Code: CodeRequired, Key: side.String(), Text: "it is not set",
				Hint: "set auto=ignore when the conn is only there for also="})
		}
	}
	return complete
}

// ignoreNegotiated drops the keys that libreswan ignores for a conn that never
// negotiates.
func (b *builder) ignoreNegotiated() {
	for i := range b.section.Keys {
		kv := &b.section.Keys[i]
		if kv.id.canonical().row().flags&negotiate == 0 {
			continue
		}
		b.slots[kv.id.canonical()] = 0
		b.report(Diagnostic{Pos: kv.Pos, Severity: Warning, Code: CodeIgnored, Key: kv.Key,
			Text: "it is ignored because the conn never negotiates", Hint: "see type="})
	}
}

// kernelValues reads the plain numbers and switches.
func (b *builder) kernelValues(c *Conn) {
	c.Metric = uint32(b.numberOf(keyMetric, 1, math.MaxUint32))
	c.Priority = uint32(b.numberOf(keyPriority, 0, math.MaxUint32))
	c.ReqID = uint32(b.numberOf(keyReqID, 1, maxManualReqID))
	c.NflogGroup = uint16(b.numberOf(keyNflogGroup, 1, math.MaxUint16))
	c.OverlapIP = b.isYes(keyOverlapIP)
	c.NMConfigured = b.isYes(keyNMConfigured)
	c.Mobike = b.isYes(keyMobike)
	if c.Mobike && c.Type == TypeTransport {
		b.at(b.get(keyMobike), Error, CodeConflict, "MOBIKE needs type=tunnel", "")
	}
	if kv := b.get(keyMTU); kv != nil {
		v, p := parseScaled(kv.Value, byteUnits)
		if p == nil && v > math.MaxUint32 {
			p = &problem{text: quote(kv.Value) + " is too large"}
		}
		b.problem(kv, p)
		c.MTU = uint32(v)
	}
}

// maxManualReqID is the largest reqid= that libreswan does not hand out itself.
const maxManualReqID = 16383

// interfaces reads the devices of a conn.
func (b *builder) interfaces(c *Conn) {
	c.IfID = uint32(b.numberOf(keyIfID, 1, math.MaxUint32))
	if kv := b.get(keyIPsecInterface); kv != nil && equalFold(external, kv.Value) {
		b.external(c, kv)
	} else if kv != nil {
		iface, p := parseInterface(kv.Value)
		b.problem(kv, p)
		c.Interface = iface
	}
	switch {
	case c.IfID == 0:
	case c.Interface.IfID == 0:
		c.Interface = InterfaceOf(c.IfID)
	case c.Interface.IfID != c.IfID:
		// ipsec-interface= names the device, if_id= its if_id. strongSwan
		// takes any, pluto only the number of the device.
		b.at(b.get(keyIfID), Warning, CodeIfIDDiffers,
			"it is "+decimal(uint64(c.IfID))+", but libreswan gives the SAs of this conn if_id "+decimal(uint64(c.Interface.IfID)),
			"leave it out unless another IKE daemon makes the SAs")
		c.Interface.IfID = c.IfID
	}
	kv := b.get(keyVTIInterface)
	if kv == nil || kv.Value == "" {
		return
	}
	c.VTI = VTI{Device: kv.Value, Routing: b.isYes(keyVTIRouting), Shared: b.isYes(keyVTIShared)}
	_, p := parseLinkName(kv.Value)
	switch {
	case c.Interface.IfID != 0:
		b.at(kv, Warning, CodeIgnored, "it has no effect together with ipsec-interface=", "")
	case c.Type == TypeTransport:
		b.at(kv, Error, CodeConflict, "a VTI device needs type=tunnel", "")
	case p != nil:
		b.problem(kv, p)
	case b.get(keyMark) == nil && (b.get(keyMarkIn) == nil || b.get(keyMarkOut) == nil):
		b.at(kv, Warning, CodeIgnored, "a VTI device needs a mark", "set mark=")
	}
}

// marks reads mark=, and mark-in= and mark-out= which replace it for one
// direction.
func (b *builder) marks(c *Conn) {
	both := b.mark(keyMark)
	c.MarkIn, c.MarkOut = both, both
	if m := b.mark(keyMarkIn); m.Set {
		c.MarkIn = m
	}
	if m := b.mark(keyMarkOut); m.Set {
		c.MarkOut = m
	}
	kv := b.get(keyMark)
	if kv != nil && b.get(keyMarkIn) != nil && b.get(keyMarkOut) != nil {
		b.at(kv, Warning, CodeIgnored, "mark-in= and mark-out= replace it", "")
	}
	if kv := b.get(keyMarkIn); kv != nil && c.Interface.IfID != 0 {
		b.at(kv, Warning, CodeIgnored, "it has no effect together with an interface", "")
	}
}

func (b *builder) mark(id keyID) Mark {
	kv := b.get(id)
	if kv == nil {
		return Mark{}
	}
	m, p := parseMark(kv.Value)
	b.problem(kv, p)
	if p == nil && (kv.Value == markUnique || strings.HasPrefix(kv.Value, markUnique+"/")) {
		b.at(kv, Warning, CodeMarkUnique, "-1 is taken as 0xffffffff; since 5.3 libreswan gives instances no marks of their own", "")
	}
	if p == nil {
		value, mask, _ := strings.Cut(kv.Value, "/")
		b.octalNumber(kv, 0, value, uint64(m.Value))
		b.octalNumber(kv, len(value)+1, mask, uint64(m.Mask))
	}
	return m
}

// offload reads nic-offload= and encapsulation= and checks them together.
func (b *builder) offload(c *Conn) {
	switch b.wordOf(keyEncapsulation, 2) {
	case yes:
		c.Encapsulation = EncapsulationYes
	case no:
		c.Encapsulation = EncapsulationNo
	}
	c.NICOffload = NICOffload(b.wordOf(keyNICOffload, uint8(OffloadNo)))
	if c.NICOffload != OffloadPacket {
		return
	}
	kv := b.get(keyNICOffload)
	text := ""
	switch {
	case c.Type != TypeTransport:
		text = "packet needs type=transport"
	case b.wordOf(keyPhase2, phase2ESP) != phase2ESP:
		text = "packet needs phase2=esp"
	case b.isYes(keyCompress):
		text = "packet needs compress=no"
	case c.Encapsulation == EncapsulationYes:
		text = "packet cannot be combined with encapsulation=yes"
	default:
		return
	}
	b.at(kv, Error, CodeConflict, text, "")
}

// modeConfig reads what is handed to clients, and names.
func (b *builder) modeConfig(c *Conn) {
	if kv := b.get(keyModeCfgDNS); kv != nil {
		addrs, p := parseAddrs(kv.Value)
		b.problem(kv, p)
		c.DNS = addrs
	}
	if kv := b.get(keyModeCfgDomains); kv != nil {
		for _, f := range splitList(kv.Value) {
			c.Domains = append(c.Domains, f.text)
		}
	}
	if kv := b.get(keyConnAlias); kv != nil {
		// Only blanks separate aliases; a comma is part of one.
		c.Aliases = strings.FieldsFunc(kv.Value, func(r rune) bool { return r == ' ' || r == '\t' })
	}
	pool := c.Left.AddressPool != nil || c.Right.AddressPool != nil
	c.Narrowing = b.isYes(keyNarrowing) || pool && !b.ikev1 && !c.NeverNegotiates()
	if kv := b.get(keyNarrowing); kv != nil && pool && b.wordOf(keyNarrowing, yes) == no {
		b.at(kv, Error, CodeConflict, "an address pool needs narrowing=yes", "remove the key")
	}
}

// own reads our own keys.
func (b *builder) own(c *Conn) {
	c.Own = b.setup.Own
	b.ownValues(&c.Own)
	if c.AcceptHost && c.Accept == nil {
		b.at(b.get(keyAcceptHost), Warning, CodeIgnored, "no table is named in which packets are accepted", "set accept=")
	}
}
