package updown

import (
	"cmp"
	"slices"

	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Counters is what the kernel has counted for the conns of a state.
type Counters struct {
	// SAs has the working SAs by the names of conns, without those of IPComp, in
	// which the same packets are counted again. A conn that is up and has none is
	// there as well; one without an if_id is not.
	SAs        map[string][]plan.SA
	NoSAs      bool // SAs could not be read, for want of privilege
	Links      []plan.LinkCounters
	XfrmErrors []plan.Count
}

// protoComp is the IP protocol of IPComp.
const protoComp = 108

// Counters reads what the kernel has counted for the conns of a state. Conns that
// share an if_id and a peer are told apart by the reqid that their IKE daemon has
// told; where it has not, all of them have all of the SAs.
func (e *Engine) Counters(s Status) (Counters, error) {
	claims, _, err := e.Store.All()
	if err != nil {
		return Counters{}, err
	}
	q := plan.Query{Near: &plan.Near{}, Counters: true}
	links := map[plan.LinkCounters]bool{}
	shown := map[string]bool{}
	for _, c := range s.Conns {
		if c.Condition == Down {
			continue
		}
		shown[c.Name] = true
		links[plan.LinkCounters{Link: c.Link, Netns: c.Netns}] = true
		if c.IfID != 0 {
			q.SAs = append(q.SAs, xfrmi.IfID(c.IfID))
		}
		if c.Netns != "" {
			q.Netns = append(q.Netns, c.Netns)
		}
	}
	slices.Sort(q.SAs)
	q.SAs, q.Netns = slices.Compact(q.SAs), sorted(q.Netns)
	o, err := e.Kernel.Observe(q)
	if err != nil {
		return Counters{}, err
	}
	counters := Counters{SAs: map[string][]plan.SA{}, NoSAs: o.Facts.NoSAs, XfrmErrors: o.Counters.XfrmErrors}
	told := map[string]bool{} // the conns of which a reqid is known
	for _, c := range claims {
		told[hook.ConnOf(c.Name)] = told[hook.ConnOf(c.Name)] || c.Reqid != 0
	}
	for _, c := range claims {
		if name := hook.ConnOf(c.Name); shown[c.Name] && c.Tunnel.IfID != 0 && !counters.NoSAs && told[name] == (c.Reqid != 0) {
			counters.SAs[name] = append(counters.SAs[name], sasOf(c, o.Facts)...)
		}
	}
	for name, list := range counters.SAs { // several claims of a conn may have the same
		slices.SortFunc(list, plan.CompareSAs)
		counters.SAs[name] = slices.Compact(list)
	}
	for _, l := range o.Counters.Links {
		if links[plan.LinkCounters{Link: l.Link, Netns: l.Netns}] {
			counters.Links = append(counters.Links, l)
		}
	}
	slices.SortFunc(counters.Links, func(a, b plan.LinkCounters) int {
		return cmp.Or(cmp.Compare(a.Netns, b.Netns), cmp.Compare(a.Link, b.Link))
	})
	return counters, nil
}

// sasOf returns the SAs that serve a claim, as far as can be told.
func sasOf(c plan.Claim, facts plan.Facts) []plan.SA {
	var list []plan.SA
	for _, sa := range facts.SAs[c.Tunnel.IfID] {
		peer := sa.Dst
		if sa.Direction == plan.In {
			peer = sa.Src
		}
		if sa.Proto != protoComp && (!c.Tunnel.Peer.IsValid() || peer == c.Tunnel.Peer) && (c.Reqid == 0 || sa.Reqid == c.Reqid) {
			list = append(list, sa)
		}
	}
	return list
}
