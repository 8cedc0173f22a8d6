package updown

import (
	"errors"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// run is one pass through the chain up to the plan.
type run struct {
	claims   []plan.Claim // as they will be
	added    []plan.Claim // of these, the new ones
	replaced []plan.Claim // the old versions of new ones
	saved    []plan.Saved // as they are
	managed  plan.Managed
	links    map[string]bool // what the run may touch
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
	r := run{saved: saved, managed: e.managed(before), links: map[string]bool{}}
	for i := range conns {
		r.managed = append(r.managed, plan.PlaceOf(&conns[i]))
		r.links[conns[i].Interface.Name] = true
	}
	r.query = query(r.managed, before, saved, conns, e.Names)
	if r.have, err = e.Kernel.Observe(r.query); err != nil {
		return r, err
	}
	facts := e.complete(r.have, saved)
	var unresolved error
	if drop == nil {
		r.added, unresolved = resolve(conns, facts)
	}
	r.sort(before, drop)
	want, problems := plan.Compile(r.claims, facts)
	r.plan = plan.Diff(want, r.have.State, plan.Context{Managed: r.managed, Saved: saved, Links: r.links})
	errs := append([]error{unresolved}, r.relevant(problems)...)
	for _, c := range r.plan.Conflicts {
		errs = append(errs, r.located(c))
	}
	return r, errors.Join(errs...)
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

// sort separates the claims that stay from those that change, and notes the
// links of the latter. New claims come last, so that problems between two
// claims are theirs.
func (r *run) sort(before []plan.Claim, drop []string) {
	for _, c := range before {
		isNew := slices.ContainsFunc(r.added, func(a plan.Claim) bool { return a.Name == c.Name })
		switch {
		case isNew:
			r.replaced = append(r.replaced, c)
			r.links[c.Tunnel.Link] = true
		case slices.Contains(drop, c.Name):
			r.links[c.Tunnel.Link] = true
		default:
			r.claims = append(r.claims, c)
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
