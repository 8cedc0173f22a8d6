package plan

import (
	"slices"

	"github.com/ipsecif/ipsecif/xfrmi"
)

// clamp has the MSS of a link.
type clamp struct {
	mss      xfrmi.MSS
	computed bool
	// least and most bound the MTU of which it may be the MSS when it is not
	// known for certain; 0 when it is.
	least, most int
}

// clamps finds out the MSS of every link for which one is asked: the smallest
// that serves all its conns.
func (c *compiler) clamps(claims []Claim) {
	for _, claim := range claims {
		t := claim.Tunnel
		var cl clamp
		switch {
		case t.MSS.Bytes != 0:
			cl.mss = xfrmi.MSS{V4: int(t.MSS.Bytes), V6: int(t.MSS.Bytes)}
		case t.MSS.Auto:
			cl = c.clampFor(t)
		default:
			continue
		}
		if cl.mss.V6 <= 0 {
			c.problem(claim, "mss: nothing is left for segments in %s: %s", t.Link, c.computedMTU(t))
			continue
		}
		if other, ok := c.want.clamps[t.Link]; !ok || cl.mss.V4 < other.mss.V4 {
			c.want.clamps[t.Link] = cl
		}
	}
}

// clampFor computes the MSS of one tunnel. An MTU that is given bounds it too.
func (c *compiler) clampFor(t Tunnel) clamp {
	m := c.computedMTU(t)
	if n := int(t.LinkMTU.Bytes); n != 0 && n <= m.Bytes {
		return clamp{mss: xfrmi.MSSFor(n)}
	}
	cl := clamp{mss: xfrmi.MSSFor(m.Bytes), computed: true}
	if m.Estimate != "" {
		cl.least, cl.most = m.Bytes, m.most
	}
	return cl
}

func (c *compiler) putClamp(claim Claim) {
	t := claim.Tunnel
	if cl, ok := c.want.clamps[t.Link]; ok && t.MSS != (Size{}) {
		c.put(claim, xfrmi.ClampTable{})
		c.put(claim, xfrmi.Clamp{Link: t.Link, MSS: cl.mss})
	}
}

// IsComputed reports whether the MSS of a wanted entry follows from SAs.
func (w Want) IsComputed(c xfrmi.Clamp) bool { return w.clamps[c.Link].computed }

// mayBe reports whether an MSS is right for SAs that are not known now.
func (cl clamp) mayBe(m xfrmi.MSS) bool {
	mtu := cl.least + m.V4 - cl.mss.V4
	return cl.least != 0 && m == xfrmi.MSSFor(mtu) && cl.least <= mtu && mtu <= cl.most
}

// settleClamps keeps, of the entries that are there, those that may be right.
// Where nftables cannot be read, those of links that are there are taken to be.
func (w Want) settleClamps(have State) {
	for link, cl := range w.clamps {
		key := xfrmi.Clamp{Link: link}.Key()
		if h, ok := have[key].(xfrmi.Clamp); ok && w.State[key] != nil && cl.mayBe(h.MSS) {
			w.State.Put(h)
		}
		if w.noFilter && have[xfrmi.Link{Name: link}.Key()] != nil {
			delete(w.State, key)
			delete(w.State, xfrmi.ClampTable{}.Key())
		}
	}
}

// chains adds the chains that the entries need as they will be, with the table
// if that has gone, and deletes those that none needs any more. Entries outside
// the limits stay as they are.
func (d *differ) chains() {
	if !d.clamps() {
		return
	}
	needed := map[xfrmi.ClampChain]bool{}
	for _, o := range after(d.have, append(slices.Clone(d.makes), d.unmakes...)) {
		if c, ok := o.(xfrmi.Clamp); ok {
			needed[xfrmi.ClampChain{MSS: c.MSS}] = true
		}
	}
	table := Op{Add, xfrmi.ClampTable{}}
	if len(needed) > 0 && d.have[table.Object.Key()] == nil && !slices.Contains(d.makes, table) {
		d.makes = append(d.makes, table)
	}
	for chain := range needed {
		if d.have[chain.Key()] == nil {
			d.makes = append(d.makes, Op{Add, chain})
		}
	}
	for _, o := range d.have {
		if chain, ok := o.(xfrmi.ClampChain); ok && !needed[chain] {
			d.unmakes = append(d.unmakes, Op{Del, chain})
		}
	}
}

// clamps reports whether anything is wanted of nftables, or is there.
func (d *differ) clamps() bool {
	for _, state := range []State{d.want.State, d.have} {
		for _, o := range state {
			switch o.(type) {
			case xfrmi.Clamp, xfrmi.ClampChain, xfrmi.ClampTable:
				return true
			}
		}
	}
	return false
}
