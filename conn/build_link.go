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
	case c.Interface.Name == "" && c.VTI.Device != "":
		b.at(kv, Warning, CodeIgnored, "it names xfrm interfaces, and the conn has a VTI device", "set vti-interface=")
	case c.Interface.Name == "":
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
		if p == nil && c.Interface.Name == "" && c.VTI.Device != "" {
			b.at(kv, Error, CodeConflict, "it is for xfrm interfaces, and the conn has a VTI device", "set ipsec-interface= instead of vti-interface=")
		}
	}
	if kv := b.get(keyNetns); kv != nil {
		name, p := parseNetns(kv.Value)
		b.problem(kv, p)
		c.Netns = name
		switch {
		case p != nil:
		case c.External:
			b.at(kv, Error, CodeConflict, "an external interface in another network namespace is not supported", "set ipsec-interface= to a number")
		case c.Interface.Name == "" && c.VTI.Device != "":
			b.at(kv, Error, CodeConflict, "it is for xfrm interfaces, and the conn has a VTI device", "set ipsec-interface= instead of vti-interface=")
		}
	}
	c.AddrDev = AddrDev(b.wordOf(keyInterfaceIPDev, uint8(AddrDevIPsec)))
	c.Multicast = b.isYes(keyMulticast)
	c.AcceptHost = b.isYes(keyAcceptHost)
	c.ProxyARP = b.proxyARP()
}
