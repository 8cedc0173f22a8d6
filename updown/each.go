package updown

import (
	"errors"
	"reflect"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Claiming is what became of conns that were to be claimed each for itself.
type Claiming struct {
	Blocked  map[string][]string // by name of a conn, why it could not be claimed
	Plans    []plan.Plan         // what was done
	Warnings []plan.Warning
}

// Claim claims conns for an owner and makes the kernel agree, each conn as far as
// it does not depend on others: those that cannot be served are as they were.
// Where a conn is claimed in just this way, nothing is done; Repair does what it
// may lack.
func (e *Engine) Claim(conns []conn.Conn, owner string) (Claiming, error) {
	c := Claiming{Blocked: map[string][]string{}}
	if len(conns) == 0 {
		return c, nil
	}
	as := plan.Claim{Owner: owner}
	r, looked := e.prepare(task{conns: conns, as: as})
	if looked != nil && !isOfClaims(looked) {
		return c, looked
	}
	failed := map[string]error{}
	if looked != nil {
		failed = blockedBy(looked, r.plan.Conflicts)
	}
	same := unchanged(r.replaced, r.added)
	byName := map[string]conn.Conn{}
	var names []string
	for _, one := range conns {
		byName[one.Name] = one
		if failed[one.Name] == nil && !same[one.Name] {
			names = append(names, one.Name)
		}
	}
	claim := func(names []string) (plan.Plan, error) {
		var some []conn.Conn
		for _, name := range names {
			some = append(some, byName[name])
		}
		return e.change(task{conns: some, as: as})
	}
	var err error
	if names != nil {
		c.Plans, err = inParts(names, failed, claim)
	}
	if err == nil && len(failed) > 1 && len(failed) <= few {
		c.Plans = append(c.Plans, alone(conns, failed, claim)...)
	}
	for name, because := range failed {
		c.Blocked[name] = lines(because)
	}
	for _, p := range c.Plans {
		c.Warnings = append(c.Warnings, p.Warnings...)
	}
	return c, err
}

// alone tries conns that were refused one after the other: where some of them
// were in each other's way, the first ones are served.
func alone(conns []conn.Conn, failed map[string]error, claim func([]string) (plan.Plan, error)) (done []plan.Plan) {
	for _, c := range conns {
		if failed[c.Name] == nil {
			continue
		}
		p, err := claim([]string{c.Name})
		if err == nil {
			done = append(done, p)
			delete(failed, c.Name)
		} else {
			failed[c.Name] = err
		}
	}
	return done
}

// unchanged returns the names of claims that are the same as before.
func unchanged(before, now []plan.Claim) map[string]bool {
	was := map[string]plan.Claim{}
	for _, c := range before {
		was[c.Name] = c
	}
	same := map[string]bool{}
	for _, c := range now {
		old, ok := was[c.Name]
		same[c.Name] = ok && !old.Unfinished && old.Owner == c.Owner && reflect.DeepEqual(old.Tunnel, c.Tunnel)
	}
	return same
}

// Release gives claims up, and makes the kernel agree.
func (e *Engine) Release(names []string) (plan.Plan, error) {
	if len(names) == 0 {
		return plan.Plan{}, nil
	}
	return e.change(task{drop: names})
}

// Owners returns the owners of all claims, by name.
func (e *Engine) Owners() (map[string]string, error) {
	claims, _, err := e.Store.All()
	owners := make(map[string]string, len(claims))
	for _, c := range claims {
		owners[c.Name] = c.Owner
	}
	return owners, err
}

// isOfClaims reports whether an error is due to what single claims ask for, so
// that others may fare better.
func isOfClaims(err error) bool {
	var failed *plan.OpError
	var problem plan.Problem
	var conflict plan.Conflict
	var refused conn.Diagnostic
	return errors.As(err, &failed) || errors.As(err, &problem) || errors.As(err, &conflict) || errors.As(err, &refused)
}

// blockedBy returns the errors of a change by the claim that they concern.
func blockedBy(err error, conflicts []plan.Conflict) map[string]error {
	found := map[string]error{}
	for _, one := range leaves(err) {
		var problem plan.Problem
		var refused conn.Diagnostic
		switch {
		case errors.As(one, &problem):
			found[problem.Claim] = errors.Join(found[problem.Claim], errors.New(problem.Text))
		case errors.As(one, &refused):
			found[refused.Conn] = errors.Join(found[refused.Conn], refused)
		}
	}
	for _, c := range conflicts {
		for _, name := range c.Owners {
			if found[name] == nil {
				found[name] = c
			}
		}
	}
	return found
}

// leaves returns the single errors that one joins.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

// lines returns the texts of the single errors that one joins.
func lines(err error) []string {
	var texts []string
	for _, one := range leaves(err) {
		texts = append(texts, one.Error())
	}
	return texts
}
