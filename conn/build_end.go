package conn

import "net/netip"

var bothSides = [...]Side{Left, Right}

// familyWinner is the first value that tells the family of the outer
// addresses; all others must agree with it.
type familyWinner struct {
	family Family
	key    string
}

// hosts reads left=, right= and the next hops, and finds their family.
func (b *builder) hosts(c *Conn) {
	var winner familyWinner
	if kv := b.get(keyHostAddrFamily); kv != nil {
		winner = familyWinner{Family(b.wordOf(keyHostAddrFamily, uint8(FamilyUnset))), kv.Key}
	}
	local := false
	for _, side := range bothSides {
		end := c.End(side)
		end.Host = b.host(endKey(keyHost, side), &winner)
		end.NextHop = b.nextHop(endKey(keyNextHop, side), end.Host.Kind, &winner)
		switch end.Host.Kind {
		case HostAddr, HostDefaultRoute, HostInterface, HostName, HostUnset:
			local = true
		}
	}
	if !local {
		b.at(b.get(keyHost), Error, CodeConflict, "neither left nor right can be an address of this host",
			"set one of them to an address, a device or %defaultroute")
	}
	if left := c.Left.Host; left.Kind == HostDefaultRoute && c.Right.Host.Kind == HostDefaultRoute {
		b.at(b.get(endKey(keyHost, Right)), Error, CodeConflict, "left and right cannot both be %defaultroute", "")
	}
	c.Family = winner.family
	if c.Family == FamilyUnset {
		c.Family = IPv4
	}
}

// host reads left= or right=, which is set.
func (b *builder) host(id keyID, winner *familyWinner) Host {
	kv := b.get(id)
	h, p := parseHost(kv.Value)
	b.problem(kv, p)
	if p != nil {
		return h
	}
	switch h.Kind {
	case HostInterface:
		if text := misreadDevice(h.Name); text != "" {
			b.at(kv, Warning, CodeInterfaceName, text, "")
		}
	case HostAddr:
		b.warnOdd(kv, kv.Value, h.Addr)
	}
	b.agree(kv, h.Family, winner)
	return h
}

// warnOdd warns of an address that is not what it looks like.
func (b *builder) warnOdd(kv *KeyValue, text string, a netip.Addr) {
	if _, odd, _ := parseAddr(text); odd {
		b.at(kv, Warning, CodeNumberForm, quote(text)+" is read as "+a.String(), "write four decimal numbers without leading 0")
	}
}

// agree checks that a value has the family that earlier values told.
func (b *builder) agree(kv *KeyValue, family Family, winner *familyWinner) {
	switch {
	case family == FamilyUnset:
	case winner.family == FamilyUnset:
		*winner = familyWinner{family, kv.Key}
	case winner.family != family:
		b.at(kv, Error, CodeConflict, quote(kv.Value)+" is "+family.String()+" but "+winner.key+"= is "+winner.family.String(), "")
	}
}

// nextHop reads leftnexthop=.
func (b *builder) nextHop(id keyID, host HostKind, winner *familyWinner) NextHop {
	kv := b.get(id)
	if kv == nil {
		if host == HostDefaultRoute {
			return NextHop{Kind: NextHopDefaultRoute}
		}
		return NextHop{}
	}
	hop, family, p := parseNextHop(kv.Value)
	b.problem(kv, p)
	b.agree(kv, family, winner)
	return hop
}

// ends reads the other keys of both ends, except for subnets.
func (b *builder) ends(c *Conn) {
	for _, side := range bothSides {
		end := c.End(side)
		if kv := b.get(endKey(keyProtoPort, side)); kv != nil {
			pp, p := parseProtoPort(kv.Value)
			b.problem(kv, p)
			end.ProtoPort = pp
		}
		if kv := b.get(endKey(keyInterfaceIP, side)); kv != nil {
			addrs, p := parseInterfaceAddrs(kv.Value)
			b.problem(kv, p)
			end.InterfaceIPs = addrs
			b.several(kv, len(addrs), "address")
		}
		if kv := b.get(endKey(keyEndVTI, side)); kv != nil {
			addr, p := parseInterfaceAddr(kv.Value)
			b.problem(kv, p)
			end.VTI = addr
		}
		end.Updown = b.updown(c, side)
		if kv := b.get(endKey(keyAddressPool, side)); kv != nil {
			pools, p := parsePools(kv.Value)
			b.problem(kv, p)
			end.AddressPool = pools
		}
	}
	if c.Left.ProtoPort.AnyPort && c.Right.ProtoPort.AnyPort {
		b.at(b.get(endKey(keyProtoPort, Right)), Error, CodeConflict, "only one end can have the port %any", "")
	}
	b.modeCfgRoles(c)
}

// several warns of more values than libreswan allows, in a file that it reads.
func (b *builder) several(kv *KeyValue, count int, what string) {
	if count > 1 && b.file.shared {
		b.at(kv, Warning, CodeRefusedValue, "libreswan refuses a conn with more than one "+what+" here",
			"keep the conn in a file that libreswan does not read")
	}
}

// updown reads the hook of an end.
func (b *builder) updown(c *Conn, side Side) Updown {
	u := Updown{Command: DefaultUpdown}
	if kv := b.get(endKey(keyUpdown, side)); kv != nil {
		u.Command = kv.Value
		if kv.Value == "%disabled" {
			u.Command = ""
		}
	}
	if c.NeverNegotiates() {
		u.Command = ""
	}
	if kv := b.get(endKey(keyUpdownConfig, side)); kv != nil {
		b.problem(kv, parseUpdownConfig(kv.Value, &u))
	}
	return u
}

// sourceIPs reads leftsourceip= and checks it against the addresses of its end.
func (b *builder) sourceIPs(c *Conn) {
	for _, side := range bothSides {
		kv := b.get(endKey(keySourceIP, side))
		if kv == nil {
			continue
		}
		end := c.End(side)
		addrs, p := parseSourceIPs(kv.Value)
		b.problem(kv, p)
		end.SourceIPs = addrs
		ofIPv4 := 0
		for _, a := range addrs {
			if a.Is4() {
				ofIPv4++
			}
		}
		b.several(kv, max(ofIPv4, len(addrs)-ofIPv4), "address of a family")
		if len(end.InterfaceIPs) > 0 {
			b.at(kv, Error, CodeConflict, "it cannot be combined with "+side.String()+"interface-ip=", "keep one of them")
		}
		subnets := b.get(endKey(keySubnets, side))
		for _, a := range addrs {
			b.checkSourceIP(c, kv, side, a, subnets != nil)
		}
	}
}

// checkSourceIP reports a source address outside of the end's selectors. With a
// list in leftsubnets= or with connalias= libreswan does not look.
func (b *builder) checkSourceIP(c *Conn, kv *KeyValue, side Side, a netip.Addr, list bool) {
	end := c.End(side)
	subnet := side.String() + "subnet="
	switch {
	case list || end.VirtualSubnet != "":
	case len(end.Subnets) > 0:
		if len(c.Aliases) > 0 || b.isProduct() {
			return
		}
		for _, s := range end.Subnets {
			if s.Prefix.Contains(a) {
				return
			}
		}
		b.at(kv, Error, CodeConflict, a.String()+" is not within "+subnet+b.get(endKey(keySubnet, side)).Value, "")
	case end.Host.Kind != HostAddr:
		b.at(kv, Error, CodeRequired, "without "+subnet+" it must be the address in "+side.String()+"=, which is not known", "set "+subnet)
	case end.Host.Addr != a:
		b.at(kv, Error, CodeConflict, a.String()+" is neither the address in "+side.String()+"= nor within "+subnet+", which is not set", "")
	}
}
