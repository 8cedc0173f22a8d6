package plan

import (
	"cmp"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// usable reports whether a demand can be served, and notes why not.
func (c *compiler) usable(claim Claim, d routing.Demand) bool {
	t := claim.Tunnel
	if d.ByPeer && t.Scheme != routing.Overlay {
		c.problem(claim, "escape=peer needs scheme=overlay")
		return false
	}
	if t.Netns != "" || t.VRF != "" && !(d.ByPeer && d.PeerInside()) {
		return c.hasVRF(t)
	}
	if net, found := c.ownNet(t, d); found {
		c.problem(claim, "scheme=%s looks table %s up before main, so packets for %s on this side would go back into the tunnel to %s; use scheme=overlay",
			t.Scheme, t.Table, net, d.Dst)
		return false
	}
	if !needsMark(t, d) {
		return true
	}
	switch {
	case d.ByPeer && d.Dst.IsSingleIP():
		c.problem(claim, "escape=peer would send the protected traffic to %s itself in the clear; "+
			"let the IKE daemon set a mark (strongSwan: set_mark_out in the child, charon.plugins.socket-default.fwmark) and use escape=mark", d.Dst)
	case d.ByPeer:
		return c.hasVRF(t)
	case t.Mark.Value&t.Mark.Mask == 0:
		c.problem(claim, "ESP to the peer %s needs a mark that a rule can tell from none; mark-out is %s", t.Peer, t.Mark)
	case c.facts.ReflectsMark != "":
		c.problem(claim, "%s is on: replies would carry the mark %s of the ESP packets and leave in the clear; set it to 0",
			c.facts.ReflectsMark, t.Mark)
	case t.Scheme.InMain() && !c.reachable(t):
		c.problem(claim, "no route to the peer %s (next hop %s); scheme=%s needs one, scheme=overlay does not", t.Peer, nextHop(t), t.Scheme)
	default:
		return true
	}
	return false
}

func (c *compiler) reachable(t Tunnel) bool {
	_, ok := c.path(t)
	return ok
}

func nextHop(t Tunnel) string {
	if t.NextHop.IsValid() {
		return t.NextHop.String()
	}
	return "not configured"
}

// tableUse has, for one table, the first claim of each sort.
type tableUse struct {
	any, withDefault, withRules *Claim
}

// checkNames notes the names, devices and if_ids that claims pair differently,
// and names that the link of another claim has. A device is known by its slot:
// the kernel makes one for it.
func (c *compiler) checkNames(claims []Claim) {
	wished, present := map[string]*Claim{}, map[string]*Claim{}
	ids, slots := map[xfrmi.IfID]*Claim{}, map[xfrmi.Slot]*Claim{}
	for i := range claims {
		claim := &claims[i]
		t, link, device := claim.Tunnel, c.facts.LinkOf(claim.Tunnel), claim.Tunnel.Device()
		byName, bySlot, byID, named := wished[t.Link], slots[device.Slot()], ids[t.IfID], present[link]
		switch {
		case byName != nil && byName.Tunnel.Device() != device:
			c.problem(*claim, "wants %s %s, but conn %q (%s) has it %s", t.Link, device.Purpose(), byName.Name, byName.Where, byName.Tunnel.Device().Purpose())
		case named != nil && named.Tunnel.Device().Slot() != device.Slot():
			c.problem(*claim, "wants %s %s, but the link of conn %q (%s) has that name, %s; rename it",
				link, device.Purpose(), named.Name, named.Where, named.Tunnel.Device().Purpose())
		}
		if bySlot != nil && bySlot.Tunnel.VRF != t.VRF {
			c.problem(*claim, "wants %s in %s, but conn %q (%s) has it in %s", link, vrfText(t.VRF), bySlot.Name, bySlot.Where, vrfText(bySlot.Tunnel.VRF))
		}
		switch {
		case byID != nil && byID.Tunnel.Link != t.Link && t.IfID != 0:
			c.problem(*claim, "wants if_id %s for %s, but conn %q (%s) has it for %s", t.IfID, t.Link, byID.Name, byID.Where, byID.Tunnel.Link)
		case bySlot != nil && bySlot.Tunnel.Link != t.Link:
			c.problem(*claim, "wants %s %s, but conn %q (%s) has %s %s, and the kernel makes one of them only",
				t.Link, device.Purpose(), bySlot.Name, bySlot.Where, bySlot.Tunnel.Link, bySlot.Tunnel.Device().Purpose())
		}
		wished[t.Link], present[link] = claim, claim
		ids[t.IfID], slots[device.Slot()] = claim, claim
	}
}

// checkShared notes what claims cannot share: a table with two schemes,
// priorities or answers about the LAN, and a place behind a default route.
func (c *compiler) checkShared(claims []Claim) {
	tables := map[Place]*tableUse{}
	for i := range claims {
		claim := &claims[i]
		t := claim.Tunnel
		// Conns of a table have one priority; only those that are routed by
		// source may choose.
		key := t.place()
		if !t.BySource {
			key.Priority = 0
		}
		if tables[key] == nil {
			tables[key] = &tableUse{any: claim}
		}
		use := tables[key]
		c.checkTable(*claim, use)
		for place, other := range tables {
			if place != key {
				c.checkOtherTable(*claim, other)
			}
		}
		if hasDefault(t) && use.withDefault == nil {
			use.withDefault = claim
		}
		if needsRules(t) && use.withRules == nil {
			use.withRules = claim
		}
	}
}

// checkTable compares a claim with others of its table.
func (c *compiler) checkTable(claim Claim, use *tableUse) {
	t, o := claim.Tunnel, use.any.Tunnel
	switch {
	case o.VRF != t.VRF:
		c.problem(claim, "table %s is that of VRF %s and cannot be shared with conn %q (%s)",
			t.Table, cmp.Or(t.VRF, o.VRF), use.any.Name, use.any.Where)
	case t.enclosed():
	case o.Scheme != t.Scheme:
		c.problem(claim, "scheme=%s cannot use table %s, which conn %q (%s) uses with scheme=%s; give one of them another table= and rule-priority=",
			t.Scheme, t.Table, use.any.Name, use.any.Where, o.Scheme)
	case o.Priority != t.Priority:
		c.problem(claim, "table %s cannot have rule-priority=%d here and rule-priority=%d in conn %q (%s): ESP that escapes from one would be caught by the other",
			t.Table, t.Priority, o.Priority, use.any.Name, use.any.Where)
	case t.Scheme == routing.NotMark && o.Mark != t.Mark:
		c.problem(claim, "scheme=not-mark has one rule for table %s, so its conns need one mark, but this one has %s and conn %q (%s) has %s; give both the same mark-out=",
			t.Table, t.Mark, use.any.Name, use.any.Where, o.Mark)
	case hasDefault(t) && !t.BySource && use.withDefault != nil && use.withDefault.Tunnel.LocalLAN != t.LocalLAN:
		c.problem(claim, "local-lan differs from that of conn %q (%s), which has a default route in table %s too",
			use.withDefault.Name, use.withDefault.Where, t.Table)
	}
}

// checkOtherTable compares a claim with those of another table.
func (c *compiler) checkOtherTable(claim Claim, use *tableUse) {
	t, o := claim.Tunnel, use.any.Tunnel
	if t.VRF != "" || o.VRF != "" {
		c.checkDefaultAndVRF(claim, use)
		return
	}
	if overlap(o.Priority, t.Priority) {
		c.problem(claim, "table %s with rule-priority=%d overlaps table %s of conn %q (%s) with rule-priority=%d; keep them 5 apart",
			t.Table, t.Priority, o.Table, use.any.Name, use.any.Where, o.Priority)
		return
	}
	for _, other := range []*Claim{use.withDefault, use.withRules} {
		if other != nil && (behind(t, other.Tunnel) || behind(other.Tunnel, t)) {
			c.problem(claim, "rule-priority=%d here and %d in conn %q (%s): the one with the default route has to have the higher number, else nothing reaches the other",
				t.Priority, other.Tunnel.Priority, other.Name, other.Where)
			return
		}
	}
}

// checkDefaultAndVRF compares a claim in a VRF with a default route outside, and
// the other way round.
func (c *compiler) checkDefaultAndVRF(claim Claim, use *tableUse) {
	inside, outside := claim, use.withDefault
	if claim.Tunnel.VRF == "" {
		inside, outside = *use.any, &claim
	}
	if outside != nil && takesVRF(outside.Tunnel, inside.Tunnel) {
		c.problem(claim, "rule-priority=%d of conn %q is below %d, where VRFs are looked up: its default route would take the packets of conn %q in VRF %s",
			outside.Tunnel.Priority, outside.Name, priorityVRF, inside.Name, inside.Tunnel.VRF)
	}
}

// behind reports whether rules of t come after those of o that catch
// everything.
func behind(t, o Tunnel) bool {
	return t.Priority > o.Priority && hasDefault(o) && !o.BySource && !o.Scheme.InMain() && needsRules(t)
}

func needsRules(t Tunnel) bool {
	return hasDefault(t) || peerInside(t) || t.MarkOut && t.Scheme == routing.Underlay ||
		t.Scheme == routing.NotMark || t.Scheme == routing.TwoRules || t.BySource
}

func peerInside(t Tunnel) bool {
	for _, p := range t.Pairs {
		if t.Peer.IsValid() && p.Theirs.Contains(t.Peer) {
			return true
		}
	}
	return false
}

func hasDefault(t Tunnel) bool {
	for _, p := range t.Pairs {
		if p.Theirs.Bits() == 0 {
			return true
		}
	}
	return false
}

// overlap reports whether two schemes around these priorities share one.
func overlap(p, q uint32) bool {
	lowP, highP := routing.PriorityRange(p)
	lowQ, highQ := routing.PriorityRange(q)
	return lowP <= highQ && lowQ <= highP
}
