package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	Save      []Saved     // to be recorded before Ops are applied
	Forget    []Saved     // to be forgotten after
	MTUs      []TunnelMTU // those computed for the conns that it is for
}

// Empty reports whether there is nothing to do and nothing in the way.
func (p Plan) Empty() bool { return len(p.Ops) == 0 && len(p.Conflicts) == 0 }

// Closes reports whether the plan adds the guard of a default route, or of its
// halves: from then on nothing but the tunnel and perhaps the LAN is reached.
func (p Plan) Closes() bool {
	return slices.ContainsFunc(p.Ops, func(op Op) bool {
		rule, _ := op.Object.(routing.Rule)
		route, _ := op.Object.(routing.Route)
		return op.Verb == Add && (rule.Action == routing.RejectUnreachable || route.Type == routing.Unreachable && route.Dst.Bits() <= 1)
	})
}

// Context is what Diff has to know besides the two states.
type Context struct {
	Managed Managed
	Saved   []Saved
	Scope   *Scope // nil means no limit
}

// Diff returns the plan that leads from have to want: it adds what is missing,
// changes what is ours and differs, and deletes what is ours and not wanted.
// Foreign objects that equal a wanted one are used and left alone; others in
// its place are conflicts.
func Diff(want Want, have State, ctx Context) Plan {
	want = want.On(have, ctx.Managed)
	d := differ{Context: ctx, want: want, order: orderOf(want.State, have)}
	if d.Scope != nil {
		d.links = d.Scope.on(have, d.Managed)
	}
	remakes := d.remakes(have)
	d.have = after(have, remakes)
	for _, o := range want.State {
		if d.Scope.has(o) && d.inScope(o) && d.ownedInScope(o) {
			d.wanted(o)
		}
	}
	for _, o := range d.have {
		if d.Scope.has(o) && d.inScope(o) {
			d.unwanted(o)
		}
	}
	d.chains()
	d.restore()
	d.foreignInTables()
	d.clashes()
	d.plan.Ops = append(remakes, d.ordered()...)
	d.plan.Conflicts = sorted(d.order, d.plan.Conflicts, func(c Conflict) Object { return c.Have })
	d.plan.Save = sorted(d.order, d.plan.Save, func(s Saved) Object { return s.object(s.Ours) })
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
	deferred       []Object // settings that come with a greater MTU
}

// home returns the link that an object lives on, or is, or is for, or "".
func home(o Object) string {
	switch o := o.(type) {
	case xfrmi.Link:
		return o.Name
	case xfrmi.Clamp:
		return o.Link
	}
	return linkOf(o)
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
		d.sameIfID(o)
		d.samePriority(o)
	case Same(o, have):
		d.samePriority(o)
	case !d.Managed.Owns(have):
		d.conflict(o, have)
	default:
		d.makes = append(d.makes, replacing(have, o)...)
		d.samePriority(o)
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

// remakes returns the deletions that must come before everything else: of
// objects of ours that differ from the wanted ones in what is fixed at their
// creation (the if_id and link device of an xfrm interface, the length of an
// address), and of links of ours that nobody wants and whose if_id is needed.
func (d *differ) remakes(have State) []Op {
	ids := map[xfrmi.IfID]bool{}
	for key, o := range d.want.State {
		if l, ok := o.(xfrmi.Link); ok && have[key] == nil {
			ids[l.IfID] = true
		}
	}
	var ops []Op
	for key, o := range have {
		if !d.Managed.Owns(o) || !d.Scope.has(o) || !d.inScope(o) {
			continue
		}
		want := d.want.State[key]
		link, isLink := o.(xfrmi.Link)
		_, isAddr := o.(xfrmi.Addr)
		differs := want != nil && (isLink || isAddr) && !Same(want, o)
		if differs || want == nil && isLink && ids[link.IfID] {
			ops = append(ops, Op{Del, o})
		}
	}
	return d.order.making(ops)
}

// Same reports whether have serves as want, whoever made it.
func Same(want, have Object) bool {
	switch w := want.(type) {
	case xfrmi.Link:
		return w.Refusal(have.(xfrmi.Link)) == ""
	case xfrmi.Addr:
		return w.Prefix == have.(xfrmi.Addr).Prefix
	case routing.Route:
		h := have.(routing.Route)
		h.Protocol = w.Protocol
		return w == h
	}
	return want == have
}

func (d *differ) conflict(want, have Object) {
	text := fmt.Sprintf("cannot add %q: %q is there and is not ours", want, have)
	if w, ok := want.(xfrmi.Link); ok {
		text = w.Refusal(have.(xfrmi.Link))
	}
	d.plan.Conflicts = append(d.plan.Conflicts, Conflict{d.want.Owners[want.Key()], want, have, text})
}

// sameIfID finds the device under another name that has the if_id of a wanted
// one: the kernel would refuse a second.
func (d *differ) sameIfID(o Object) {
	want, ok := o.(xfrmi.Link)
	if !ok {
		return
	}
	for _, h := range d.have {
		have, ok := h.(xfrmi.Link)
		if !ok || have.Kind != xfrmi.Kind || have.IfID != want.IfID {
			continue
		}
		if d.Managed.Owns(have) {
			continue // wanted too, which Compile has noted
		}
		d.plan.Conflicts = append(d.plan.Conflicts, Conflict{d.want.Owners[want.Key()], want, have,
			fmt.Sprintf("cannot make %s with if_id %s: the xfrm interface %s has that if_id; delete it, or choose another ipsec-interface=",
				want.Name, want.IfID, have.Name)})
	}
}

// samePriority finds the foreign rule at the priority of one of ours: which of
// the two comes first would depend on who was first. Rules like libreswan's
// stand beside others.
func (d *differ) samePriority(o Object) {
	want, ok := o.(routing.Rule)
	if !ok || want.Mark.Set() && want.Iif == "" {
		return
	}
	for _, h := range d.have {
		have, ok := h.(routing.Rule)
		disjoint := want.To.IsValid() && have.To.IsValid() && !want.To.Overlaps(have.To)
		if !ok || have.Family != want.Family || have.Priority != want.Priority || disjoint || isTwin(want, have) || d.Managed.Owns(have) {
			continue
		}
		d.plan.Conflicts = append(d.plan.Conflicts, Conflict{d.want.Owners[want.Key()], want, have,
			fmt.Sprintf("cannot add rule %q: %q has the same priority; choose another rule-priority=", want, have)})
	}
}

// unwanted notes the deletion of our own object that nobody wants any more.
func (d *differ) unwanted(o Object) {
	if _, isChain := o.(xfrmi.ClampChain); isChain {
		return // see chains
	}
	if d.want.State[o.Key()] == nil && !d.want.Kept[o.Key()] && d.Managed.Owns(o) {
		d.unmakes = append(d.unmakes, Op{Del, o})
	}
}

// setting notes a new value for a setting, and on a foreign link its old one.
func (d *differ) setting(want, have Object) {
	foreign := !d.makesLink(linkOf(want))
	if have == want {
		return
	}
	if d.hasNoIPv6(want, have) {
		d.deferred = append(d.deferred, want)
		return
	}
	d.makes = append(d.makes, Op{Set, want})
	if foreign && have != nil && !d.isSaved(want.Key()) {
		d.plan.Save = append(d.plan.Save, savedOf(have, want))
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
	return slices.ContainsFunc(d.Saved, func(s Saved) bool { return s.object(s.Ours).Key() == key })
}

// restore gives the settings that no claim needs any more their old values,
// unless somebody has changed them since.
func (d *differ) restore() {
	for _, s := range d.Saved {
		ours := s.object(s.Ours)
		if d.want.State[ours.Key()] != nil || !d.Scope.has(ours) {
			continue
		}
		if d.have[xfrmi.Link{Name: s.Link}.Key()] == nil || s.Kind == "sysctl" && d.want.PathUnknown {
			continue // the link may come back, or be needed after all
		}
		d.plan.Forget = append(d.plan.Forget, s)
		if d.have[ours.Key()] == ours {
			d.unmakes = append(d.unmakes, Op{Set, s.object(s.Was)})
		}
	}
}

// foreignInTables refuses a table that holds routes of somebody else where
// plain packets, or all of ESP and IKE, would follow them.
func (d *differ) foreignInTables() {
	owners := map[routing.Table][]string{}
	for key, o := range d.want.State {
		if r, ok := o.(routing.Rule); ok && r.OwnsTable() {
			owners[r.Table] = append(owners[r.Table], d.want.Owners[key]...)
		}
	}
	for key, o := range d.have {
		r, ok := o.(routing.Route)
		if ok && owners[r.Table] != nil && !d.Managed.Owns(r) && d.want.State[key] == nil {
			d.plan.Conflicts = append(d.plan.Conflicts, Conflict{Owners: owners[r.Table], Have: r, Text: fmt.Sprintf(
				"table %s is for ipsecif alone, but %q is there and is not ours; delete it or choose another table= "+
					"(libreswan's own _updown puts such routes into table %s: set leftupdown=%%disabled)",
				r.Table, r, routing.DefaultTable)})
		}
	}
}

// ordered returns the operations in their order: what is made, what is
// unmade, and what the kernel took away with that although it is to stay.
func (d *differ) ordered() []Op {
	ops := d.order.making(d.makes)
	if len(d.deferred) > 0 {
		made := after(d.have, ops)
		for _, o := range d.deferred {
			if is := made[o.Key()]; is != nil && is != o {
				ops = append(ops, Op{Set, o})
			}
		}
	}
	if len(d.unmakes) == 0 {
		return ops
	}
	made := after(d.have, ops)
	s := maps.Clone(made)
	unwanted := map[string]bool{}
	for _, op := range d.order.unmaking(d.unmakes) {
		unwanted[op.Object.Key()] = true
	}
	unmaking := prune(d.order.unmaking(d.unmakes))
	s.effects(unmaking)
	ops = append(ops, unmaking...)
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
	return append(ops, d.order.making(again)...)
}

// stays reports whether an object that the kernel took away with another is to
// be made again: what claims want, and what is ours on a link that stays and is
// out of scope, so that nobody said it is not wanted.
func (d *differ) stays(o Object, after State) bool {
	if d.want.State[o.Key()] != nil {
		return true
	}
	link := linkOf(o)
	return d.Scope != nil && !d.Scope.has(o) && d.Managed.Owns(o) && (link == "" || after[xfrmi.Link{Name: link}.Key()] != nil)
}

// savedOf records the old value of a setting beside the new one.
func savedOf(was, ours Object) Saved {
	switch was := was.(type) {
	case xfrmi.Attr:
		return Saved{"attr", was.Link, was.Name, was.Value, ours.(xfrmi.Attr).Value}
	case routing.Sysctl:
		return Saved{"sysctl", was.Link, was.Name, strconv.Itoa(was.Value), strconv.Itoa(ours.(routing.Sysctl).Value)}
	}
	panic(fmt.Sprintf("plan: %T is no setting", was))
}

// object returns the setting with one of its two values.
func (s Saved) object(value string) Object {
	if s.Kind == "attr" {
		return xfrmi.Attr{Link: s.Link, Name: s.Name, Value: value}
	}
	n, _ := strconv.Atoi(value) // written by savedOf
	return routing.Sysctl{Link: s.Link, Name: s.Name, Value: n}
}
