package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ipsecif/ipsecif/xfrmi"
)

// Diff returns the plan that leads from have to want: it adds what is missing,
// changes what is ours and differs, and deletes what is ours and not wanted.
// Foreign objects that equal a wanted one are used and left alone; others in
// its place are conflicts, or are displaced until the place is free again. Network namespaces come one after the other: nothing
// in one depends on another, but that an if_id is free.
func Diff(want Want, have State, ctx Context) Plan {
	spaces := have.split()
	if len(spaces) == 1 && len(want.Within) == 0 {
		return diff(want, have, ctx.in(""))
	}
	for netns := range want.Within {
		if spaces[netns] == nil {
			spaces[netns] = State{}
		}
	}
	whole := Plan{}
	leaving := whole.depart(want, spaces, ctx)
	for _, netns := range slices.Sorted(maps.Keys(spaces)) {
		s := after(spaces[netns], leaving[netns])
		whole.add(netns, diff(want.in(netns), s, ctx.in(netns)))
	}
	for _, s := range ctx.Saved {
		if s.Netns != "" && spaces[s.Netns] == nil {
			whole.Forget = append(whole.Forget, s) // gone with its link
		}
	}
	return whole
}

// in returns the part of the context that concerns a network namespace. No rule
// is ours but in that of ipsecif.
func (c Context) in(netns string) Context {
	if netns != "" {
		c.Managed, c.Indexes = nil, nil
	}
	c.Saved = slices.DeleteFunc(slices.Clone(c.Saved), func(s Saved) bool { return s.Netns != netns })
	c.Scope = c.Scope.in(netns)
	return c
}

// add adds the plan for a network namespace.
func (p *Plan) add(netns string, more Plan) {
	p.Ops = append(p.Ops, inNetns(netns, more.Ops)...)
	p.Conflicts = append(p.Conflicts, conflictsIn(netns, more.Conflicts)...)
	p.Displaces = append(p.Displaces, conflictsIn(netns, more.Displaces)...)
	p.Notes = append(p.Notes, more.Notes...)
	p.Warnings = append(p.Warnings, more.Warnings...)
	p.Save = append(p.Save, savedIn(netns, more.Save)...)
	p.Forget = append(p.Forget, savedIn(netns, more.Forget)...)
}

func conflictsIn(netns string, conflicts []Conflict) []Conflict {
	if netns == "" {
		return conflicts
	}
	conflicts = slices.Clone(conflicts)
	for i := range conflicts {
		c := &conflicts[i]
		c.Want, c.Have = Inside(netns, c.Want), Inside(netns, c.Have)
		c.Text = netnsText(netns) + ": " + c.Text
	}
	return conflicts
}

func savedIn(netns string, saved []Saved) []Saved {
	saved = slices.Clone(saved)
	for i := range saved {
		saved[i].Netns = netns
	}
	return saved
}

// depart plans the deletion of links of ours whose slot is needed for a link in
// another network namespace, before everything else, and returns that by
// namespace. What guards their traffic stays until later.
func (p *Plan) depart(want Want, spaces map[string]State, ctx Context) map[string][]Op {
	needed := map[xfrmi.Slot]string{} // the namespace
	if ctx.Collect {
		return nil
	}
	for netns, have := range spaces {
		for key, o := range want.in(netns).State {
			if l, ok := o.(xfrmi.Link); ok && have[key] == nil {
				needed[l.Slot()] = netns
			}
		}
	}
	leaving := map[string][]Op{}
	for netns, have := range spaces {
		inScope := ctx.Scope.in(netns).on(have)
		for key, o := range have {
			l, ok := o.(xfrmi.Link)
			to, isNeeded := needed[l.Slot()]
			switch {
			case !ok || !isNeeded || to == netns:
			case want.in(netns).State[key] != nil: // checkNetns has the reason
			case l.Mine && (ctx.Scope == nil || inScope[l.Name]):
				leaving[netns] = append(leaving[netns], Op{Del, l})
			case !l.Mine:
				wanted := l
				wanted.Under = ""
				p.Conflicts = append(p.Conflicts, Conflict{want.ownersOf(to, l.Slot()), Inside(to, wanted), Inside(netns, l),
					fmt.Sprintf("cannot make an interface %s in %s: %s in %s has its place; delete that, or choose another ipsec-interface=",
						l.Purpose(), netnsText(to), l.Name, netnsText(netns))})
			}
		}
	}
	for _, netns := range slices.Sorted(maps.Keys(leaving)) {
		leaving[netns] = orderOf(spaces[netns]).making(leaving[netns])
		p.Ops = append(p.Ops, inNetns(netns, leaving[netns])...)
	}
	return leaving
}

// ownersOf returns the claims that want the link of a slot in a network
// namespace.
func (w Want) ownersOf(netns string, slot xfrmi.Slot) []string {
	w = w.in(netns)
	for key, o := range w.State {
		if l, ok := o.(xfrmi.Link); ok && l.Slot() == slot {
			return w.Owners[key]
		}
	}
	return nil
}

// Revert returns the operations that undo what done has done, from the state
// now back to the state before. Done has the operations that succeeded, and no
// others: what somebody else made in the meantime is not ours to undo, even
// where it fills the place of ours. An if_id may be needed again in the network
// namespace where it was, so what deletes comes first.
func Revert(before, now State, done []Op) []Op {
	was, is := before.split(), now.split()
	doneIn := map[string][]Op{}
	for _, op := range done {
		netns, inner := Where(op.Object)
		doneIn[netns] = append(doneIn[netns], Op{op.Verb, inner})
	}
	var unmakes, makes []Op
	for _, netns := range slices.Sorted(maps.Keys(doneIn)) {
		u, m := revert(was[netns], is[netns], doneIn[netns])
		unmakes, makes = append(unmakes, inNetns(netns, u)...), append(makes, inNetns(netns, m)...)
	}
	return slices.Concat(unmakes, makes)
}
