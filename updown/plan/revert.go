package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// revert returns the operations that undo what done has done in one network
// namespace: those that delete, and the others. Routes that go along with what is
// deleted are shielded until they are there again.
func revert(before, now State, done []Op) (unmakes, makes []Op) {
	made := map[string]Object{}      // by key, what done has left there; nil for deleted
	links := map[string]bool{}       // whose objects may have gone along with something
	table := false                   // the same of nftables
	var parts []Object               // the same of parts of nftables
	sources := map[netip.Addr]bool{} // whose routes may have gone along
	for _, op := range done {
		key := op.Object.Key()
		made[key] = op.Object
		if op.Verb == Del {
			made[key] = nil
		}
		switch o := op.Object.(type) {
		case xfrmi.Link:
			links[o.Name] = true
		case xfrmi.Attr:
			links[o.Link] = links[o.Link] || o.Name == xfrmi.AttrMaster
		case xfrmi.Addr:
			links[o.Link], sources[o.Prefix.Addr()] = true, true
		case xfrmi.ClampTable:
			table = true
		case firewall.Place, firewall.Set:
			parts = append(parts, o)
		}
	}
	r, start := orderOf(before, now), now
	unmakes = prune(r.unmaking(revertMade(before, now, made)))
	now = after(now, unmakes)
	moves := r.making(revertMoves(before, now, made))
	now = after(now, moves)
	for key, was := range before {
		ours, touched := made[key]
		route, _ := was.(routing.Route)
		along := links[LinkOf(was)] || sources[route.Src] || table && diesWithTable(was) || diesWithAny(parts, was)
		if !touched && !along || comesByItself(was) {
			continue
		}
		is := now[key]
		switch {
		case is == was:
		case is == nil:
			makes = append(makes, Making(was))
		case isSetting(was) && touched:
			makes = append(makes, Op{Set, was})
		case touched && is == ours || isRoute(was) && is.(routing.Route).Mine():
			makes = append(makes, replacing(is, was)...)
		}
	}
	unmakes, chains := cut(unmakes)
	shields := shield(slices.DeleteFunc(slices.Clone(makes), func(op Op) bool { return start[op.Object.Key()] == nil }), start)
	return slices.Concat(shields, unmakes), slices.Concat(moves, r.making(makes), undone(shields), chains)
}

// cut takes the deletions of chains of nftables out: until an entry is restored
// it may refer to one.
func cut(unmakes []Op) (rest, chains []Op) {
	for _, op := range unmakes {
		switch op.Object.(type) {
		case xfrmi.ClampChain, firewall.Chain:
			chains = append(chains, op)
		default:
			rest = append(rest, op)
		}
	}
	return rest, chains
}

// revertMoves returns the operations that lead links back into the VRF that
// they were in, or out of one, which flushes what is on them.
func revertMoves(before, now State, made map[string]Object) []Op {
	var ops []Op
	for key := range made {
		was, ok := before[key].(xfrmi.Attr)
		if ok && was.Name == xfrmi.AttrMaster && now[key] != nil && now[key] != Object(was) {
			ops = append(ops, Op{Set, was})
		}
	}
	return ops
}

// revertMade returns the deletion of what was made and was not there before,
// as far as it is still what was made.
func revertMade(before, now State, made map[string]Object) []Op {
	var ops []Op
	for key, o := range made {
		is, was := now[key], before[key]
		if o == nil || is == nil || isSetting(o) || is == was {
			continue
		}
		link, isLink := o.(xfrmi.Link)
		serves := isLink && (link.Refusal(is.(xfrmi.Link)) == "" || link.External && is == link.Degraded())
		if serves || was == nil && is == o {
			ops = append(ops, Op{Del, is})
		}
	}
	return ops
}

func isRoute(o Object) bool {
	_, ok := o.(routing.Route)
	return ok
}

// comesByItself reports whether the kernel makes an object together with
// another: the route to the net of an address.
func comesByItself(o Object) bool {
	r, ok := o.(routing.Route)
	return ok && r.Type == routing.Unicast && r.Protocol == routing.ProtocolKernel
}

// prune leaves out deletions of what dies with its link or table anyway.
func prune(unmakes []Op) []Op {
	dying := map[string]bool{}
	table := slices.Contains(unmakes, Op{Del, xfrmi.ClampTable{}})
	var parts []Object
	for _, op := range unmakes {
		switch o := op.Object.(type) {
		case xfrmi.Link:
			dying[o.Name] = dying[o.Name] || op.Verb == Del
		case firewall.Place, firewall.Set:
			parts = append(parts, o)
		}
	}
	return slices.DeleteFunc(unmakes, func(op Op) bool {
		return dying[LinkOf(op.Object)] || table && diesWithTable(op.Object) || diesWithAny(parts, op.Object)
	})
}
