package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Conflict is a place that a claim needs and that somebody else has filled.
type Conflict struct {
	Owners []string // the claims that want it
	Want   Object   // nil when the foreign object alone is in the way
	Have   Object
	Text   string
}

// Error names both sides.
func (c Conflict) Error() string { return c.Text }

// Plan is what leads from one state to another.
type Plan struct {
	Ops       []Op
	Conflicts []Conflict
	Warnings  []Warning
	Displaces []Conflict  // solved by taking the place of the foreign object
	Waiting   []string    // the claims it is for with routes that wait for an SA
	Save      []Saved     // to be recorded before Ops are applied
	Forget    []Saved     // to be forgotten after
	Notes     []string    // what becomes of foreign objects, in sentences
	MTUs      []TunnelMTU // those computed for the conns that it is for
	// Links has the names of the links that serve the new claims, by claim.
	Links map[string]string
}

// Empty reports whether there is nothing to do and nothing in the way.
func (p Plan) Empty() bool { return len(p.Ops) == 0 && len(p.Conflicts) == 0 }

// Closes reports whether the plan adds the guard of a default route, or of its
// halves, and leaves it there: then nothing but the tunnel and perhaps the LAN
// is reached.
func (p Plan) Closes() bool {
	return slices.ContainsFunc(p.Ops, func(op Op) bool {
		rule, _ := op.Object.(routing.Rule)
		route, _ := op.Object.(routing.Route)
		closes := rule.Action == routing.RejectUnreachable && !rule.From.IsValid() || route.Type == routing.Unreachable && route.Dst.Bits() <= 1
		return closes && op.Verb == Add && !slices.Contains(p.Ops, Op{Del, op.Object})
	})
}

// Context is what Diff has to know besides the two states.
type Context struct {
	Managed Managed
	Saved   []Saved
	Scope   *Scope // nil means no limit
	Adopt   bool   // take the place of foreign routes and rules
	// Retake has the keys of objects that claims had: foreign routes in their
	// places came there later, and give them up as with Adopt.
	Retake map[string]bool
	// Collect takes away and restores what nobody needs any more, and leaves
	// it at that.
	Collect bool
	// Refused has the displaced objects that the kernel did not take back in
	// this run, and why.
	Refused map[Saved]error
	Indexes map[string]uint32 // of the links, by name
}

// diff is Diff for one network namespace.
func diff(want Want, have State, ctx Context) Plan {
	want = want.On(have, ctx.Managed)
	d := differ{Context: ctx, want: want, order: orderOf(want.State, have), displaced: map[string]bool{}}
	if d.Scope != nil {
		d.links = d.Scope.on(have)
	}
	var remakes, moves []Op
	d.have = have
	if !d.Collect {
		remakes = d.remakes(have)
		d.have = after(have, remakes)
		moves = d.moves()
		d.have = after(d.have, moves)
		for _, o := range want.State {
			if d.Scope.has(o) && d.inScope(o) && d.ownedInScope(o) {
				d.wanted(o)
			}
		}
		d.foreignInTables()
	}
	strays := d.strays()
	for _, o := range d.have {
		if d.Scope.has(o) && d.inScope(o) && !(strays && d.mayBeTheirs(o)) {
			d.unwanted(o)
		}
	}
	if strays {
		d.leaveShared()
	}
	d.chains()
	d.makes = append(d.makes, d.lapsed()...)
	d.restore()
	d.clashes()
	d.plan.Ops = d.ordered(remakes, moves)
	foreign := func(c Conflict) Object { return c.Have }
	d.plan.Conflicts = sorted(d.order, d.plan.Conflicts, foreign)
	d.plan.Displaces = sorted(d.order, d.plan.Displaces, foreign)
	slices.Sort(d.plan.Notes)
	d.plan.Save = sorted(d.order, d.plan.Save, Saved.Object)
	return d.plan
}

type differ struct {
	Context
	want           Want
	have           State
	order          order
	links          map[string]bool // in scope
	plan           Plan
	makes, unmakes []Op
	deferred       []Object        // settings that come with a greater MTU
	displaced      map[string]bool // by key, foreign objects
}

// home returns the link that an object lives on, or is, or is for, or "".
func home(o Object) string {
	switch o := o.(type) {
	case xfrmi.Link:
		return o.Name
	case xfrmi.Clamp:
		return o.Link
	}
	return LinkOf(o)
}

// inScope leaves out what lives on an xfrm interface outside the limits.
func (d *differ) inScope(o Object) bool {
	name := home(o)
	return d.Scope == nil || name == "" || d.links[name] || !d.order[name]
}

// ownedInScope leaves out what lives on no link in scope and is wanted by
// claims outside the limits alone: made without the rest of their tunnels it
// would cut the host off.
func (d *differ) ownedInScope(o Object) bool {
	return d.Scope == nil || d.links[home(o)] ||
		slices.ContainsFunc(d.want.Owners[o.Key()], func(name string) bool { return d.Scope.claims[name] })
}

// wanted notes what has to be done for one wanted object.
func (d *differ) wanted(o Object) {
	have, exists := d.have[o.Key()]
	switch {
	case isSetting(o):
		d.setting(o, have)
	case !exists:
		d.makes = append(d.makes, Op{Add, o})
		d.foreignRules(o)
	case Same(o, have):
		d.foreignRules(o)
	case !d.Managed.Owns(have) && !d.takes(d.conflict(o, have)):
	default:
		d.makes = append(d.makes, replacing(have, o)...)
		d.foreignRules(o)
	}
}

// replacing returns the operations that put an object in the place of another.
// The kernel replaces no rules, and would not take one beside its opposite.
func replacing(was, o Object) []Op {
	if _, ok := o.(routing.Rule); ok {
		return []Op{{Del, was}, {Add, o}}
	}
	return []Op{{Replace, o}}
}

// Same reports whether have serves as want, whoever made it.
func Same(want, have Object) bool {
	switch w := want.(type) {
	case InNetns:
		return Same(w.Object, have.(InNetns).Object)
	case xfrmi.Link:
		return w.Refusal(have.(xfrmi.Link)) == ""
	case xfrmi.Addr:
		return w.Prefix == have.(xfrmi.Addr).Prefix
	case routing.Neigh:
		return w.Key() == have.Key()
	case routing.Route:
		h := have.(routing.Route)
		h.Protocol = w.Protocol
		return w == h
	}
	return want == have
}

// conflict is that of a wanted object with the foreign one in its place.
func (d *differ) conflict(want, have Object) Conflict {
	text := fmt.Sprintf("cannot add %q: %q is there and is not ours; delete it", want, have)
	if w, ok := want.(xfrmi.Link); ok {
		text = w.Refusal(have.(xfrmi.Link))
	}
	return Conflict{d.want.Owners[want.Key()], want, have, text}
}

// unwanted notes the deletion of our own object that nobody wants any more.
func (d *differ) unwanted(o Object) {
	if _, isChain := o.(xfrmi.ClampChain); isChain {
		return // see chains
	}
	key := o.Key()
	if r, ok := o.(routing.Route); ok && r.Behind {
		key = r.Front()
	}
	if d.want.State[key] == nil && !d.want.Kept[key] && d.Managed.Owns(o) {
		d.unmakes = append(d.unmakes, Op{Del, o})
	}
}

// setting notes a new value for a setting, and on a foreign link its old one.
func (d *differ) setting(want, have Object) {
	if have == want {
		return
	}
	if d.hasNoIPv6(want, have) {
		d.deferred = append(d.deferred, want)
		return
	}
	d.makes = append(d.makes, Op{Set, want})
	d.save(have, want)
}

// save notes the old value of a setting on a foreign link.
func (d *differ) save(have, want Object) {
	if have != nil && !d.makesLink(LinkOf(want)) && !d.isSaved(want.Key()) {
		s := savedOf(have, want)
		s.Index = d.Indexes[s.Link]
		d.plan.Save = append(d.plan.Save, s)
	}
}

// hasNoIPv6 reports whether a setting is one that a link lacks while its MTU is
// too small for IPv6. It comes, with a value of the kernel's own, when the MTU
// has been raised.
func (d *differ) hasNoIPv6(want, have Object) bool {
	a, ok := want.(xfrmi.Attr)
	return ok && a.Name == xfrmi.AttrAddrGen && have == nil && d.have[xfrmi.Link{Name: a.Link}.Key()] != nil
}

// makesLink reports whether a link is ours, or will be.
func (d *differ) makesLink(name string) bool {
	key := xfrmi.Link{Name: name}.Key()
	if have, ok := d.have[key]; ok {
		return d.Managed.Owns(have)
	}
	return d.want.State[key] != nil
}

func (d *differ) isSaved(key string) bool {
	return slices.ContainsFunc(d.Saved, func(s Saved) bool { return s.Object().Key() == key })
}

// restore gives back what no claim needs any more, unless somebody has changed
// it since.
func (d *differ) restore() {
	for i, s := range d.Saved {
		switch {
		case s.Kind == SavedForeign:
			d.putBack(i)
		case d.want.State[s.ours().Key()] == nil && d.Scope.has(s.ours()):
			d.resetSetting(s)
		}
	}
}

func (d *differ) resetSetting(s Saved) {
	if d.have[xfrmi.Link{Name: s.Link}.Key()] == nil || s.Kind == savedSysctl && d.want.PathUnknown {
		return // the link may come back, or be needed after all
	}
	d.plan.Forget = append(d.plan.Forget, s)
	if d.have[s.ours().Key()] == s.ours() {
		d.unmakes = append(d.unmakes, Op{Set, s.Object()})
	}
}

// ordered returns the operations in their order: what is made, what is
// unmade, and what the kernel took away with that although it is to stay.
func (d *differ) ordered(remakes, moves []Op) []Op {
	makes := d.order.making(d.makes)
	ops := d.remaking(makes, remakes, moves)
	if len(d.deferred)+len(d.unmakes) == 0 {
		return ops
	}
	made := after(d.have, makes)
	for _, o := range d.deferred {
		if is := made[o.Key()]; is != nil && is != o {
			ops = append(ops, Op{Set, o})
			made.Effect(Op{Set, o})
		}
	}
	if len(d.unmakes) == 0 {
		return ops
	}
	s := maps.Clone(made)
	unwanted := map[string]bool{}
	for _, op := range d.order.unmaking(d.unmakes) {
		unwanted[op.Object.Key()] = true
	}
	unmaking := prune(d.order.unmaking(d.unmakes))
	s.effects(unmaking)
	var again []Op
	for key, was := range made {
		is := s[key]
		switch {
		case was == is || unwanted[key] || isSetting(was) || !d.stays(was, s):
		case is == nil:
			again = append(again, Op{Add, was})
		default:
			again = append(again, Op{Replace, was})
		}
	}
	again = d.order.making(again)
	shields := shield(again, made)
	return slices.Concat(ops, shields, unmaking, again, undone(shields))
}

// stays reports whether an object that the kernel took away with another is to
// be made again: what claims want, and what is ours on a link that stays and is
// out of scope, so that nobody said it is not wanted.
func (d *differ) stays(o Object, after State) bool {
	if d.want.State[o.Key()] != nil {
		return true
	}
	link := LinkOf(o)
	return d.Scope != nil && !d.Scope.has(o) && d.Managed.Owns(o) && (link == "" || after[xfrmi.Link{Name: link}.Key()] != nil)
}
