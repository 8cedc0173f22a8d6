package service

import (
	"slices"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/daemon"
	"github.com/ipsecif/ipsecif/updown/hook"
)

// severity orders the conditions: the last one of its claims is that of a conn.
var severity = []updown.Condition{updown.Down, updown.InSync, updown.Waiting, updown.Drift, updown.Blocked}

// StateOf returns what is told of what the daemon has found. The claims of a conn,
// of an administrator and of an IKE daemon or for several pairs of selectors, are
// one conn here.
func StateOf(found daemon.Status) State {
	state := State{Conns: make([]Conn, 0, len(found.Conns)), Problems: found.Problems}
	index := make(map[string]int, len(found.Conns))
	for _, c := range slices.Concat(found.Conns, found.Configured) {
		name := hook.ConnOf(c.Name)
		i, known := index[name]
		switch {
		case known && c.Condition == updown.Down:
			continue
		case !known:
			i = len(state.Conns)
			index[name] = i
			state.Conns = append(state.Conns, Conn{
				Name: name, Condition: string(c.Condition), Link: c.Link, IfID: c.IfID, VRF: c.VRF, Netns: c.Netns,
			})
		}
		state.Conns[i].add(c)
	}
	return state
}

// add adds what is told of one of the conn's claims.
func (c *Conn) add(claim daemon.ConnStatus) {
	if slices.Index(severity, claim.Condition) > slices.Index(severity, updown.Condition(c.Condition)) {
		c.Condition = string(claim.Condition)
	}
	c.Problems = append(c.Problems, claim.Problems...)
	c.Repairs += claim.Repairs
	if claim.Owner == "" { // nobody has claimed it
		return
	}
	peer := "any"
	if claim.Peer.IsValid() {
		peer = claim.Peer.String()
	}
	c.Owners, c.Peers = once(c.Owners, claim.Owner), once(c.Peers, peer)
}

// once adds a text to a sorted list that does not have it.
func once(list []string, text string) []string {
	i, found := slices.BinarySearch(list, text)
	if found {
		return list
	}
	return slices.Insert(list, i, text)
}
