package conn

import "strings"

// isIKEv1 tells whether a conn is negotiated by the old protocol. keyexchange=
// decides, and ikev2= where that is missing or says ike.
func (b *builder) isIKEv1(c *Conn) bool {
	if c.NeverNegotiates() {
		return false
	}
	switch b.wordOf(keyKeyExchange, exchangeAny) {
	case exchangeIKEv1:
		return true
	case exchangeIKEv2:
		return false
	}
	return b.wordOf(keyIKEv2, yes) == no
}

// versionRules reports what only the other protocol can do.
func (b *builder) versionRules(c *Conn) {
	if b.ikev1 {
		b.limitsOfIKEv1(c)
	}
	for _, side := range bothSides {
		if c.End(side).VirtualSubnet != "" {
			b.virtualSubnet(c, side)
		}
	}
}

const needsIKEv2 = "IKEv1 does not have it"

func (b *builder) limitsOfIKEv1(c *Conn) {
	for _, id := range [...]keyID{keyMobike, keyNarrowing} {
		if b.isYes(id) {
			b.at(b.get(id), Error, CodeConflict, needsIKEv2, "")
		}
	}
	for _, side := range bothSides {
		end := c.End(side)
		if isOpportunistic(end.Host) {
			b.at(b.get(endKey(keyHost, side)), Error, CodeConflict, needsIKEv2, "")
		}
		for _, r := range end.AddressPool {
			if r.From.Is6() {
				b.at(b.get(endKey(keyAddressPool, side)), Error, CodeConflict, "IKEv1 has no pools of IPv6 addresses", "")
			}
		}
		if len(end.Subnets) > 1 && !(b.isYes(keyCiscoSplit) && end.ModeCfgServer) {
			b.at(b.get(endKey(keySubnet, side)), Error, CodeConflict, "IKEv1 takes one selector only", "move them into "+side.String()+"subnets=")
		}
	}
}

// virtualSubnet checks vhost: and vnet:, which accept what the peer proposes.
func (b *builder) virtualSubnet(c *Conn, side Side) {
	kv := b.get(endKey(keySubnet, side))
	_, methods, _ := strings.Cut(kv.Value, ":")
	switch {
	case !b.ikev1:
		b.at(kv, Error, CodeConflict, "only IKEv1 has virtual subnets", "")
	case side == Right && c.Left.VirtualSubnet != "":
		b.at(kv, Error, CodeConflict, "only one end can have a virtual subnet", "")
	case isGroup(c.Left.Host) || isGroup(c.Right.Host):
		b.at(kv, Error, CodeConflict, "a group cannot have a virtual subnet", "")
	default:
		b.problem(kv, checkVirtual(methods, len(kv.Value)-len(methods)))
	}
}

func isGroup(h Host) bool { return h.Kind == HostGroup || h.Kind == HostOpportunisticGroup }

// checkVirtual checks what follows vhost: or vnet: from index at on: words, and
// subnets, perhaps with the family in front.
func checkVirtual(methods string, at int) *problem {
	for method := range strings.SplitSeq(methods, ",") {
		switch method {
		case "", "%no", "%priv", "%all":
		default:
			text := strings.TrimPrefix(strings.TrimPrefix(method, "%v4:"), "%v6:")
			if _, _, p := parseSubnet(text); p != nil {
				p.at = at
				return p
			}
		}
		at += len(method) + 1
	}
	return nil
}
