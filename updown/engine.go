// Package updown is the engine of ipsecif: it changes claims and makes the
// kernel agree with them, under one lock. Every command is the same chain
// (observe, compile, compare, apply, verify), ended at a different place.
package updown

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Kernel is what the engine needs of the kernel.
type Kernel interface {
	// Observe reads the state of the network namespace.
	Observe(plan.Query) (plan.Observation, error)
	// Apply does operations in order, calls trace before each, and stops at
	// the first that fails with a *plan.OpError.
	Apply(ops []plan.Op, trace func(plan.Op)) error
}

// Engine serves claims. All fields but Names must be set.
type Engine struct {
	Kernel Kernel
	Store  *claim.Store
	// Managed has the places of the configuration; those of claims are added.
	Managed plan.Managed
	// Names has the addresses of the host names that conns mention.
	Names map[string]netip.Addr
	// Trace is called with each operation before it is applied.
	Trace func(plan.Op)
}

// Admin is the owner of claims that an administrator makes by hand.
const Admin = "admin"

// Up claims the conns and makes the kernel agree. It returns the plan that was
// applied. After an error the kernel and the claims are as they were, except
// when the error says that undoing failed too.
func (e *Engine) Up(conns []conn.Conn) (plan.Plan, error) {
	return e.change(conns, nil)
}

// Down gives the claims of the names up and makes the kernel agree.
// Conns helps to find what is left of conns whose claims were lost.
func (e *Engine) Down(names []string, conns []conn.Conn) (plan.Plan, error) {
	return e.change(conns, names)
}

// Plan returns what Up would do, and changes nothing.
func (e *Engine) Plan(conns []conn.Conn) (plan.Plan, error) {
	r, err := e.prepare(conns, nil)
	return r.plan, err
}

// change runs the whole chain for conns to be claimed or, when drop is not
// nil, for names whose claims are given up.
func (e *Engine) change(conns []conn.Conn, drop []string) (plan.Plan, error) {
	unlock, err := e.Store.Lock()
	if err != nil {
		return plan.Plan{}, err
	}
	defer unlock()
	r, err := e.prepare(conns, drop)
	if err != nil {
		return r.plan, err
	}
	if err := e.record(r); err != nil {
		return r.plan, errors.Join(err, e.forget(r))
	}
	if err := e.Kernel.Apply(r.plan.Ops, e.Trace); err != nil {
		return r.plan, errors.Join(err, e.undo(r, err))
	}
	for _, name := range drop {
		if err := e.Store.Remove(name); err != nil {
			return r.plan, err
		}
	}
	for _, c := range r.added {
		if c.Previous == nil {
			continue
		}
		c.Previous = nil
		if err := e.Store.Put(c); err != nil {
			return r.plan, err
		}
	}
	if err := e.Store.Save(r.savedAfter()); err != nil {
		return r.plan, err
	}
	return r.plan, e.verify(r)
}

// record writes what a later run needs if this one dies in the middle.
func (e *Engine) record(r run) error {
	if err := e.Store.Save(slices.Concat(r.saved, r.plan.Save)); err != nil {
		return err
	}
	for _, c := range r.added {
		if err := e.Store.Put(c); err != nil {
			return err
		}
	}
	return nil
}

// forget takes record back. A claim that was there before is put back in one
// step, so that no failure loses it.
func (e *Engine) forget(r run) error {
	errs := []error{e.Store.Save(r.saved)}
	for _, c := range r.added {
		old, ok := named(r.replaced, c.Name)
		if ok {
			errs = append(errs, e.Store.Put(old))
		} else {
			errs = append(errs, e.Store.Remove(c.Name))
		}
	}
	return errors.Join(errs...)
}

// undo leads kernel and claims back to where they were before the operation
// that failed.
func (e *Engine) undo(r run, failure error) error {
	var done []plan.Op
	var failed *plan.OpError
	if errors.As(failure, &failed) {
		done = failed.Done
	}
	now, err := e.Kernel.Observe(r.query)
	if err == nil {
		err = e.Kernel.Apply(plan.Revert(r.have.State, now.State, done), e.Trace)
	}
	if err != nil {
		err = fmt.Errorf("undoing what was done until then: %w", err)
	}
	return errors.Join(err, e.forget(r))
}

// verify observes again and says what is not as it should be.
func (e *Engine) verify(r run) error {
	now, err := e.Kernel.Observe(r.query)
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	saved := r.savedAfter()
	want, _ := plan.Compile(r.claims, e.complete(now, saved))
	left := plan.Diff(want, now.State, r.context(saved))
	var errs []error
	for _, op := range left.Ops {
		errs = append(errs, fmt.Errorf("the kernel did not keep a change, or somebody undid it at once: still to do: %s", op))
	}
	return errors.Join(errs...)
}

// complete returns the facts of an observation with what the kernel cannot
// tell: names, and how things were before ipsecif changed them.
func (e *Engine) complete(o plan.Observation, saved []plan.Saved) plan.Facts {
	f := o.Facts.Before(saved).Outside(o.State)
	f.Names = e.Names
	return f
}

// managed returns the places of the configuration and of claims.
func (e *Engine) managed(claims []plan.Claim) plan.Managed {
	places := append(plan.Managed{plan.DefaultPlace}, e.Managed...)
	for _, c := range claims {
		for _, t := range append(c.Previous, c.Tunnel) {
			places = append(places, plan.Place{Table: t.Table, Priority: t.Priority})
		}
	}
	slices.SortFunc(places, plan.ComparePlaces)
	return slices.Compact(places)
}

// query asks for what the claims and the conns depend on.
func query(managed plan.Managed, claims []plan.Claim, saved []plan.Saved, conns []conn.Conn, names map[string]netip.Addr) plan.Query {
	q := plan.Query{}
	for _, p := range managed {
		if !slices.Contains(q.Tables, p.Table) && p.Table != routing.TableMain {
			q.Tables = append(q.Tables, p.Table)
		}
	}
	for _, s := range saved {
		q.Settings = append(q.Settings, s.Link)
	}
	for _, c := range claims {
		q.Paths = append(q.Paths, c.Tunnel.PathQueries()...)
	}
	for i := range conns {
		q.Paths = append(q.Paths, plan.PathQueries(&conns[i], names)...)
	}
	return q
}

// Claimed returns the names of all claims.
func (e *Engine) Claimed() ([]string, error) {
	claims, _, err := e.Store.All()
	var names []string
	for _, c := range claims {
		names = append(names, c.Name)
	}
	return names, err
}

// Local separates the conns that have an end on this host from the others.
func (e *Engine) Local(conns []conn.Conn) (here, elsewhere []conn.Conn, err error) {
	have, err := e.Kernel.Observe(plan.Query{})
	if err != nil {
		return nil, nil, err
	}
	facts := e.complete(have, nil)
	for _, c := range conns {
		if plan.Elsewhere(&c, facts) {
			elsewhere = append(elsewhere, c)
		} else {
			here = append(here, c)
		}
	}
	return here, elsewhere, nil
}
