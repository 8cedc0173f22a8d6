package conn

// modeCfgRoles finds which end hands out addresses and which takes them. A
// pool for one end makes the other end the server.
func (b *builder) modeCfgRoles(c *Conn) {
	for _, side := range bothSides {
		end := c.End(side)
		end.ModeCfgServer = b.isYes(endKey(keyModeCfgServer, side))
		end.ModeCfgClient = b.isYes(endKey(keyModeCfgClient, side))
		end.CAT = b.isYes(endKey(keyCAT, side))
	}
	if !isOpportunistic(c.Left.Host) && !isOpportunistic(c.Right.Host) {
		b.checkRoles(c)
		b.checkTranslation(c)
		b.checkPools(c)
	}
	for _, side := range bothSides {
		if end, other := c.Ends(side); end.AddressPool != nil {
			end.ModeCfgClient, other.ModeCfgServer = true, true
		}
	}
	if b.ikev1 {
		c.Left.CAT, c.Right.CAT = false, false
	}
}

func isOpportunistic(h Host) bool {
	return h.Kind == HostOpportunistic || h.Kind == HostOpportunisticGroup
}

// checkRoles reports roles that exclude each other.
func (b *builder) checkRoles(c *Conn) {
	for _, side := range bothSides {
		if end := c.End(side); end.ModeCfgServer && end.ModeCfgClient {
			b.at(b.get(endKey(keyModeCfgClient, side)), Error, CodeConflict, side.String()+" cannot be both client and server", "")
		}
	}
	if c.Left.ModeCfgServer && c.Right.ModeCfgServer {
		b.at(b.get(endKey(keyModeCfgServer, Right)), Error, CodeConflict, "only one end can be the server", "")
	}
	if c.Left.ModeCfgClient && c.Right.ModeCfgClient {
		b.at(b.get(endKey(keyModeCfgClient, Right)), Error, CodeConflict, "only one end can be the client", "")
	}
}

// checkTranslation reports client address translation where the addresses are
// handed out by the wrong end.
func (b *builder) checkTranslation(c *Conn) {
	for _, side := range bothSides {
		end, other := c.Ends(side)
		kv, them := b.get(endKey(keyCAT, side)), side.Other().String()
		switch {
		case !end.CAT:
		case end.ModeCfgServer:
			b.at(kv, Error, CodeConflict, "it cannot be combined with "+side.String()+"modecfgserver=yes", "")
		case other.ModeCfgClient:
			b.at(kv, Error, CodeConflict, "it cannot be combined with "+them+"modecfgclient=yes", "")
		case other.AddressPool != nil:
			b.at(kv, Error, CodeConflict, "it cannot be combined with "+them+"addresspool=", "")
		case side == Right && other.CAT:
			b.at(kv, Error, CodeConflict, "only one end can have its addresses translated", "")
		}
	}
}

// checkPools reports pools that contradict the roles.
func (b *builder) checkPools(c *Conn) {
	for _, side := range bothSides {
		end, other := c.Ends(side)
		kv, them := b.get(endKey(keyAddressPool, side)), side.Other().String()
		switch {
		case end.AddressPool == nil:
		case side == Right && c.Left.AddressPool != nil:
			b.at(kv, Error, CodeConflict, "only one end can have an address pool", "")
		case end.ModeCfgServer:
			b.at(kv, Error, CodeConflict, "the pool of an end is for clients, but "+side.String()+"modecfgserver= is yes",
				"the pool belongs to "+them)
		case other.ModeCfgClient:
			b.at(kv, Error, CodeConflict, "the pool makes "+them+" the server, but "+them+"modecfgclient= is yes", "")
		}
	}
}
