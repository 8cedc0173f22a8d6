package updown

import (
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// task is what a change is for.
type task struct {
	conns []conn.Conn  // to be claimed or, with drop, those it is about
	as    plan.Claim   // what all new claims have beside name, place and tunnel
	lower []plan.Claim // claims to be put in place of others that asked for more
	drop  []string     // names whose claims are given up; nil for none
	// repair has the names of claims to be made true as they are; nil for none.
	repair []string
	hold   map[string]bool // keys of objects that are left as they are
	adopt  bool            // displace what others made
	// collect takes away what no claim wants; without force only if no
	// interface of it is in use, as those of known conns are.
	collect, force bool
	known          []conn.Conn
	refused        map[plan.Saved]error // plan.Context.Refused
}

// run is one pass through the chain up to the plan.
type run struct {
	task
	claims   []plan.Claim // as they will be
	added    []plan.Claim // of these, the new ones
	replaced []plan.Claim // the old versions of new ones
	leaving  []plan.Claim // those that are given up
	refresh  []plan.Claim // of the others, those of which Wants has changed
	stored   []plan.Saved // as the store has them
	saved    []plan.Saved // as they are
	managed  plan.Managed
	scope    plan.Scope // what the run may touch
	query    plan.Query
	have     plan.Observation
	plan     plan.Plan
	wants    map[string][]string // plan.Claim.Wants of all claims, as they will be
	whole    bool                // after it no interface of ours is without its claim
}

// begun returns the change of the store that precedes the plan: what a later
// run needs if this one dies in the middle.
func (r run) begun() claim.Change {
	return claim.Change{Put: r.added, Begin: r.changing(), Saved: slices.Concat(r.saved, r.plan.Save)}
}

// changing returns the names of the claims that are made, changed or given up.
func (r run) changing() []string {
	var names []string
	for _, c := range slices.Concat(r.added, r.leaving) {
		names = append(names, c.Name)
	}
	return names
}

// done returns the change of the store that follows the plan.
func (r run) done() claim.Change {
	c := claim.Change{Put: slices.Clone(r.refresh), Remove: r.drop, End: r.changing(), Saved: r.savedAfter(), Whole: r.whole}
	for _, added := range r.added {
		wants := r.wants[added.Name]
		if added.Previous != nil || !slices.Equal(added.Wants, wants) {
			added.Previous, added.Wants = nil, wants
			c.Put = append(c.Put, added)
		}
	}
	return c
}

// settled returns the change of the store when there is nothing else to do.
func (r run) settled() claim.Change {
	c := r.done()
	c.Put = slices.Clone(r.refresh)
	for _, added := range r.added {
		added.Previous, added.Wants = nil, r.wants[added.Name]
		c.Put = append(c.Put, added)
	}
	return c
}

// savedAfter returns what is to be restored after the plan is applied.
func (r run) savedAfter() []plan.Saved {
	left := slices.DeleteFunc(slices.Clone(r.saved), func(s plan.Saved) bool { return slices.Contains(r.plan.Forget, s) })
	return append(left, r.plan.Save...)
}

// prepare observes, compiles and compares. All problems and conflicts come
// back in one error, which a caller that only wants to look can print.
func (e *Engine) prepare(t task) (run, error) {
	conns, drop := t.conns, t.drop
	before, saved, err := e.Store.All()
	if err != nil {
		return run{}, err
	}
	r := run{task: t, stored: saved, managed: e.managed(before), scope: plan.NewScope()}
	for i := range conns {
		c := &conns[i]
		r.managed = append(r.managed, plan.PlacesOf(c)...)
		r.scope.Add(c.Name, c.Netns, plan.DeviceOf(c))
	}
	r.query = query(r.managed, before, saved, conns, e.Names)
	if t.collect {
		r.query.Firewall.All = true
		r.query, r.managed, r.have, err = e.observeAll(r.query, r.managed)
	} else {
		r.have, err = e.Kernel.Observe(r.query)
	}
	if err != nil {
		return r, err
	}
	saved = r.have.Facts.Present(saved)
	r.saved = saved
	facts := e.complete(r.have, saved)
	for _, c := range conns {
		if place, ok := facts.VRFPlace(c.VRF); ok {
			r.managed = append(r.managed, place)
		}
	}
	facts.Names = withClaimed(facts.Names, conns, before)
	r.lower = append(r.lower, toRepair(before, r.repair)...)
	unresolved := r.resolve(facts)
	r.sort(before, drop)
	want, problems := plan.Compile(r.claims, facts)
	r.index(want)
	err = errors.Join(unresolved, r.compare(want, problems))
	r.whole = !plan.Strays(want, r.plan.Ops, r.have.State)
	if t.collect && !t.force {
		err = errors.Join(err, e.refuseUsed(&r))
	}
	return r, err
}

// compare makes the plan, and returns what stands in its way.
func (r *run) compare(want plan.Want, problems []plan.Problem) error {
	facts := r.have.Facts.Outside(r.have.State)
	want.Release(r.released(), facts)
	want.Lapse(r.released(), facts)
	r.plan = plan.Diff(want, r.have.State, r.context(r.saved))
	r.plan.Ops = unheld(r.plan.Ops, r.hold)
	r.plan.MTUs = want.MTUsOf(r.added, facts)
	r.plan.Links = make(map[string]string, len(r.added))
	for _, c := range r.added {
		r.plan.Links[c.Name] = facts.LinkOf(c.Tunnel)
	}
	r.plan.Waiting = want.WaitsOf(r.added)
	errs := append(r.relevant(problems), r.shutOut()...)
	r.plan.Conflicts = slices.DeleteFunc(r.plan.Conflicts, func(c plan.Conflict) bool { return !r.concerns(c.Owners) })
	r.warn(want)
	for _, c := range r.plan.Conflicts {
		errs = append(errs, r.located(c))
	}
	return errors.Join(errs...)
}

// index finds out what each claim wants now. Until the change is done, those
// that change are found by what they wanted before, too.
func (r *run) index(want plan.Want) {
	r.wants = want.Keys()
	for _, c := range r.claims {
		r.wants[c.Name] = sorted(append(r.wants[c.Name], c.Tunnel.Uses()...))
	}
	before, changes := map[string][]string{}, map[string]bool{}
	for _, c := range r.replaced {
		before[c.Name] = c.Wants
	}
	for i := range r.added {
		c := &r.added[i]
		changes[c.Name] = true
		c.Wants = sorted(slices.Concat(r.wants[c.Name], before[c.Name]))
	}
	for _, c := range r.claims {
		if changes[c.Name] {
			continue
		}
		if wants := r.wants[c.Name]; !slices.Equal(wants, c.Wants) {
			c.Wants = wants
			r.refresh = append(r.refresh, c)
		}
	}
}

// sorted returns strings in order, each once.
func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *run) context(saved []plan.Saved) plan.Context {
	ctx := plan.Context{Managed: r.managed, Saved: saved, Scope: &r.scope, Indexes: r.have.Facts.Indexes, Adopt: r.adopt, Refused: r.refused, Collect: r.collect}
	if r.repair != nil {
		ctx.Retake = served(r.replaced)
	}
	if r.collect {
		ctx.Scope = nil
	}
	return ctx
}

// withClaimed adds the addresses of peers that were found when their conns came
// up, for names that cannot be looked up now: perhaps because the tunnel that
// is to be repaired is the way to the name server.
func withClaimed(names plan.Names, conns []conn.Conn, before []plan.Claim) plan.Names {
	names = maps.Clone(names)
	if names == nil {
		names = plan.Names{}
	}
	for _, c := range conns {
		for _, name := range plan.NamesOf(&c) {
			if names[name].IsValid() {
				continue
			}
			if old, ok := named(before, c.Name); ok && old.Tunnel.Peer.IsValid() {
				names[name] = old.Tunnel.Peer
			}
		}
	}
	return names
}

// named returns the claim of a conn.
func named(claims []plan.Claim, name string) (plan.Claim, bool) {
	i := slices.IndexFunc(claims, func(c plan.Claim) bool { return c.Name == name })
	if i < 0 {
		return plan.Claim{}, false
	}
	return claims[i], true
}

// resolve makes the new claims. Those of a task that gives some up tell only
// which devices they had: of a VTI device, a conn itself does not have all.
func (r *run) resolve(facts plan.Facts) error {
	claims, err := r.claim(facts)
	claims = append(claims, r.lower...)
	for _, c := range claims {
		r.scope.Add(c.Name, c.Tunnel.Netns, c.Tunnel.Device())
	}
	if r.drop != nil {
		wants, _ := plan.Compile(claims, facts)
		for _, keys := range wants.Keys() {
			r.scope.Own(keys)
		}
		r.added = r.lower
		return nil
	}
	r.added = claims
	return err
}

// claim makes a claim of each conn.
func (t task) claim(facts plan.Facts) ([]plan.Claim, error) {
	var claims []plan.Claim
	var errs []error
	for i := range t.conns {
		c := &t.conns[i]
		tunnel, problems := plan.Resolve(c, facts)
		if err := problems.Err(); err != nil {
			errs = append(errs, err)
			continue
		}
		claim := t.as
		claim.Name, claim.Tunnel = c.Name, tunnel
		if c.Pos != (conn.Pos{}) {
			claim.Where = c.Pos.String()
		}
		claims = append(claims, claim)
	}
	return claims, errors.Join(errs...)
}

// sort separates the claims that stay from those that change, and notes what
// the latter may touch. New claims come last, so that problems between two
// claims are theirs. One that differs from what was claimed before remembers
// that until the change is done: nothing else would tell a later run what to
// take away, were this one to die.
func (r *run) sort(before []plan.Claim, drop []string) {
	added, dropped := map[string]int{}, map[string]bool{}
	for i, c := range r.added {
		added[c.Name] = i
	}
	for _, name := range drop {
		dropped[name] = true
	}
	for _, c := range before {
		i, again := added[c.Name]
		if !again && !dropped[c.Name] {
			r.claims = append(r.claims, c)
			continue
		}
		for _, t := range append(c.Previous, c.Tunnel) {
			r.scope.Add(c.Name, t.Netns, t.Device())
		}
		r.scope.Own(c.Wants)
		if !again {
			r.leaving = append(r.leaving, c)
		} else {
			r.replaced = append(r.replaced, c)
			r.added[i].Previous = c.Previous
			if !reflect.DeepEqual(c.Tunnel, r.added[i].Tunnel) {
				r.added[i].Previous = append(slices.Clone(c.Previous), c.Tunnel)
			}
		}
	}
	r.claims = append(r.claims, r.added...)
	if r.repair != nil {
		r.claims = inOrder(r.claims)
	}
}

// released returns the tunnels that were claimed before and are not any more.
func (r *run) released() []plan.Tunnel {
	var gone []plan.Tunnel
	for _, c := range r.leaving {
		gone = append(append(gone, c.Previous...), c.Tunnel)
	}
	for _, c := range r.added {
		gone = append(gone, c.Previous...) // the last one included
	}
	return gone
}

// relevant returns the problems of the new claims. Those of others are for `status` to tell, and no reason to refuse this change.
func (r *run) relevant(problems []plan.Problem) []error {
	var errs []error
	for _, p := range problems {
		if slices.ContainsFunc(r.added, func(c plan.Claim) bool { return c.Name == p.Claim }) {
			errs = append(errs, p)
		}
	}
	return errs
}

// shutOut returns the claims that cannot be given up, since what they have is in
// a network namespace that may not be entered.
func (r *run) shutOut() []error {
	var errs []error
	for _, c := range r.leaving {
		if netns := c.Tunnel.Netns; r.have.Facts.Closed[netns] {
			errs = append(errs, plan.Problem{Claim: c.Name, Where: c.Where, Text: "netns: " + r.have.Facts.NoNetns[netns]})
		}
	}
	return errs
}

// concerns reports whether a new claim is among the owners of a conflict or
// warning. Those of others are for `status` to tell.
func (r *run) concerns(owners []string) bool {
	return slices.ContainsFunc(r.added, func(c plan.Claim) bool { return slices.Contains(owners, c.Name) })
}

// warn keeps the warnings about new claims, and adds that about all claims
// together when there are new ones among them.
func (r *run) warn(want plan.Want) {
	if w, ok := want.ManyMarks(r.have.State, r.managed); ok {
		r.plan.Warnings = append(r.plan.Warnings, w)
	}
	r.plan.Warnings = slices.DeleteFunc(r.plan.Warnings, func(w plan.Warning) bool { return !r.concerns(w.Owners) })
}

// located gives a conflict the place of a conn that it concerns, preferably of
// a new one.
func (r *run) located(conflict plan.Conflict) error {
	for _, c := range slices.Concat(r.added, r.claims) {
		if slices.Contains(conflict.Owners, c.Name) {
			return plan.Problem{Claim: c.Name, Where: c.Where, Text: conflict.Text}
		}
	}
	return conflict
}
