package conn

// linkName reads link-name=, which names the device of a conn that has one.
func (b *builder) linkName(c *Conn) {
	kv := b.get(keyLinkName)
	if kv == nil {
		return
	}
	name, p := parseLinkName(kv.Value)
	b.problem(kv, p)
	switch {
	case p != nil:
	case c.Interface.IfID == 0:
		b.at(kv, Warning, CodeIgnored, "the conn has no interface that it could name", "set ipsec-interface=")
	default:
		c.Interface.Name = name
	}
}

// linkSettings reads what is to be set on the device of a conn.
func (b *builder) linkSettings(c *Conn) {
	if kv := b.get(keyVRF); kv != nil {
		name, p := parseLinkName(kv.Value)
		b.problem(kv, p)
		c.VRF = name
	}
	if kv := b.get(keyNetns); kv != nil {
		name, p := parseNetns(kv.Value)
		b.problem(kv, p)
		c.Netns = name
	}
	c.AddrDev = AddrDev(b.wordOf(keyInterfaceIPDev, uint8(AddrDevIPsec)))
	c.Multicast = b.isYes(keyMulticast)
}
