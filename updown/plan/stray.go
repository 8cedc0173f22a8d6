package plan

import "github.com/ipsecif/ipsecif/xfrmi"

// strays reports whether there is a link of ours out of scope that no claim
// wants. Its claim was lost, and with it what its tunnel needs beside it.
func (d *differ) strays() bool {
	if d.Scope == nil {
		return false
	}
	for key, o := range d.have {
		l, ok := o.(xfrmi.Link)
		if ok && d.Managed.Owns(l) && d.want.State[key] == nil && !d.links[l.Name] {
			return true
		}
	}
	return false
}

// mayBeTheirs reports whether an object that no claim wants may be what a link
// without a claim needs: a rule, a guard or a way out that the claims in scope
// have not asked for. It stays until that link is claimed again, or taken away.
func (d *differ) mayBeTheirs(o Object) bool { return !d.links[home(o)] && !d.Scope.own[d.Scope.key(o)] }

// Strays reports whether a link of ours that no claim wants is there after
// operations, too.
func Strays(want Want, ops []Op, have State) bool {
	gone := map[string]bool{}
	for _, op := range ops {
		if op.Verb == Del {
			gone[op.Object.Key()] = true
		}
	}
	for key, o := range have {
		netns, inner := Where(o)
		l, ok := inner.(xfrmi.Link)
		if ok && l.Mine && want.in(netns).State[l.Key()] == nil && !gone[key] {
			return true
		}
	}
	return false
}
