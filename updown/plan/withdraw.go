package plan

import (
	"slices"

	"github.com/ipsecif/ipsecif/routing"
)

// This file is about on-loss=withdraw: the routes into such a tunnel are there
// while it has an SA to its peer, and gone while it has none, so that packets
// follow other routes then. Rules stay, as they lead nowhere without routes.

// saState says whether a tunnel has an SA for what it sends.
type saState uint8

const (
	saThere saState = iota
	saMissing
	saUnknown // nobody asked, or SAs cannot be read
)

// Withdraws reports whether routes of the tunnel depend on its SAs.
func (t Tunnel) Withdraws() bool { return t.OnLoss == Withdraw }

// sendsBy returns whether there is an SA from here to the peer of a tunnel.
// Conns that share an interface and a peer have it together: what tells their
// SAs apart is the IKE daemon's own business.
func (f Facts) sendsBy(t Tunnel) saState {
	list, asked := f.SAs[t.IfID]
	switch {
	case !asked:
		return saUnknown
	case slices.ContainsFunc(list, func(sa SA) bool { return sa.Direction == Out && (!t.Peer.IsValid() || sa.Dst == t.Peer) }):
		return saThere
	}
	return saMissing
}

// putRoute puts a route for a claim, or where it depends on an SA that is not
// there, notes that the claim waits for that. What is not known changes nothing.
func (c *compiler) putRoute(claim Claim, r routing.Route) {
	if !claim.Tunnel.Withdraws() || r.Type != routing.Unicast || r.Dev != claim.Tunnel.Link {
		c.put(claim, r)
		return
	}
	key, has := r.Key(), c.facts.sendsBy(claim.Tunnel)
	if has == saThere {
		c.put(claim, r)
		return
	}
	if _, ok := c.agreed(claim, r); !ok {
		return
	}
	c.withdrawn.Put(r)
	if has == saUnknown {
		c.want.Kept[key] = true
		c.own(claim, key)
	} else {
		c.want.Withdrawn[key] = append(c.want.Withdrawn[key], claim.Name)
	}
}

// WaitsOf returns those of the names whose claims have routes that wait for an
// SA.
func (w Want) WaitsOf(claims []Claim) []string {
	waiting := map[string]bool{}
	for _, owners := range w.Withdrawn {
		for _, name := range owners {
			waiting[name] = true
		}
	}
	for _, within := range w.Within {
		for _, name := range within.WaitsOf(claims) {
			waiting[name] = true
		}
	}
	var names []string
	for _, c := range claims {
		if waiting[c.Name] {
			names = append(names, c.Name)
		}
	}
	return names
}

// WithdrawnOf returns the keys of the routes that a claim would have with an
// SA.
func (w Want) WithdrawnOf(name string) (keys []string) {
	for key, owners := range w.Withdrawn {
		if slices.Contains(owners, name) {
			keys = append(keys, key)
		}
	}
	for netns, within := range w.Within {
		for _, key := range within.WithdrawnOf(name) {
			keys = append(keys, inNetnsKey(netns, key))
		}
	}
	slices.Sort(keys)
	return keys
}

// WithdrawnFor returns the names of the claims that would have a route with an
// SA.
func (w Want) WithdrawnFor(o Object) []string {
	netns, inner := Where(o)
	return w.in(netns).Withdrawn[inner.Key()]
}
