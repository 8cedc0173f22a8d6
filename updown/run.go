package updown

import (
	"errors"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// run is one pass through the chain up to the plan.
type run struct {
	claims   []plan.Claim // as they will be
	added    []plan.Claim // of these, the new ones
	replaced []plan.Claim // the old versions of new ones
	saved    []plan.Saved // as they are
	managed  plan.Managed
	scope    plan.Scope // what the run may touch
	query    plan.Query
	have     plan.Observation
	plan     plan.Plan
}

// savedAfter returns the settings to be restored after the plan is applied.
func (r run) savedAfter() []plan.Saved {
	left := slices.DeleteFunc(slices.Clone(r.saved), func(s plan.Saved) bool { return slices.Contains(r.plan.Forget, s) })
	return append(left, r.plan.Save...)
}

// prepare observes, compiles and compares. All problems and conflicts come
// back in one error, which a caller that only wants to look can print.
func (e *Engine) prepare(conns []conn.Conn, drop []string) (run, error) {
	before, saved, err := e.Store.All()
	if err != nil {
		return run{}, err
	}
	r := run{saved: saved, managed: e.managed(before), scope: plan.NewScope()}
	for i := range conns {
		c := &conns[i]
		r.managed = append(r.managed, plan.PlaceOf(c))
		r.scope.Add(c.Name, c.Interface.Name, xfrmi.IfID(c.Interface.IfID))
	}
	r.query = query(r.managed, before, saved, conns, e.Names)
	if r.have, err = e.Kernel.Observe(r.query); err != nil {
		return r, err
	}
	facts := e.complete(r.have, saved)
	facts.Names = withClaimed(facts.Names, conns, before)
	var unresolved error
	if drop == nil {
		r.added, unresolved = resolve(conns, facts)
	}
	r.sort(before, drop)
	want, problems := plan.Compile(r.claims, facts)
	r.plan = plan.Diff(want, r.have.State, r.context(saved))
	errs := append([]error{unresolved}, r.relevant(problems)...)
	r.plan.Conflicts = slices.DeleteFunc(r.plan.Conflicts, func(c plan.Conflict) bool { return !r.concerns(c) })
	for _, c := range r.plan.Conflicts {
		errs = append(errs, r.located(c))
	}
	return r, errors.Join(errs...)
}

func (r *run) context(saved []plan.Saved) plan.Context {
	return plan.Context{Managed: r.managed, Saved: saved, Scope: &r.scope}
}

// withClaimed adds the addresses of peers that were found when their conns came
// up, for names that cannot be looked up now: perhaps because the tunnel that
// is to be repaired is the way to the name server.
func withClaimed(names map[string]netip.Addr, conns []conn.Conn, before []plan.Claim) map[string]netip.Addr {
	names = maps.Clone(names)
	if names == nil {
		names = map[string]netip.Addr{}
	}
	for _, c := range conns {
		old, ok := named(before, c.Name)
		if !ok || !old.Tunnel.Peer.IsValid() {
			continue
		}
		for _, h := range []conn.Host{c.Left.Host, c.Right.Host} {
			if h.Kind == conn.HostName && !names[h.Name].IsValid() {
				names[h.Name] = old.Tunnel.Peer
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

// resolve makes a claim of each conn.
func resolve(conns []conn.Conn, facts plan.Facts) ([]plan.Claim, error) {
	var claims []plan.Claim
	var errs []error
	for i := range conns {
		c := &conns[i]
		tunnel, problems := plan.Resolve(c, facts)
		if err := problems.Err(); err != nil {
			errs = append(errs, err)
			continue
		}
		claims = append(claims, plan.Claim{Name: c.Name, Owner: Admin, Where: c.Pos.String(), Tunnel: tunnel})
	}
	return claims, errors.Join(errs...)
}

// sort separates the claims that stay from those that change, and notes what
// the latter may touch. New claims come last, so that problems between two
// claims are theirs. One that differs from what was claimed before remembers
// that until the change is done: nothing else would tell a later run what to
// take away, were this one to die.
func (r *run) sort(before []plan.Claim, drop []string) {
	for _, c := range before {
		i := slices.IndexFunc(r.added, func(a plan.Claim) bool { return a.Name == c.Name })
		if i < 0 && !slices.Contains(drop, c.Name) {
			r.claims = append(r.claims, c)
			continue
		}
		for _, t := range append(c.Previous, c.Tunnel) {
			r.scope.Add(c.Name, t.Link, t.IfID)
		}
		if i >= 0 {
			r.replaced = append(r.replaced, c)
			r.added[i].Previous = c.Previous
			if !reflect.DeepEqual(c.Tunnel, r.added[i].Tunnel) {
				r.added[i].Previous = append(slices.Clone(c.Previous), c.Tunnel)
			}
		}
	}
	r.claims = append(r.claims, r.added...)
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

// concerns reports whether a conflict is about a new claim. Those of others are
// for `status` to tell.
func (r *run) concerns(conflict plan.Conflict) bool {
	return slices.ContainsFunc(r.added, func(c plan.Claim) bool { return slices.Contains(conflict.Owners, c.Name) })
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
