// Package updown is the engine of ipsecif: it changes claims and makes the
// kernel agree with them, under one lock. Every command is the same chain
// (observe, compile, compare, apply, verify), ended at a different place.
package updown

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Kernel is what the engine needs of the kernel.
type Kernel interface {
	// Observe reads the state of the network namespace.
	Observe(plan.Query) (plan.Observation, error)
	// Apply does operations in order and stops at the first that fails with a
	// *plan.OpError. It calls trace with those that were done and that one.
	Apply(ops []plan.Op, trace func(plan.Op)) error
}

// Engine serves claims. All fields but Names, Netns and Adopt must be set.
type Engine struct {
	Kernel Kernel
	Store  *claim.Store
	// Managed has the places of the configuration; those of claims are added.
	Managed plan.Managed
	// Netns has the network namespaces of the configuration, where leftovers are
	// looked for; those of claims are added.
	Netns []string
	// Adopt lets Up take the place of foreign routes and rules. They are put
	// back when no claim needs the place any more.
	Adopt bool
	// Names has the addresses of the host names that conns mention.
	Names plan.Names
	// Trace is called with each operation that was applied, and with one that
	// failed.
	Trace func(plan.Op)
}

// Admin is the owner of claims that an administrator makes by hand.
const Admin = "admin"

// Up claims the conns and makes the kernel agree. It returns the plan that was
// applied. After an error the kernel and the claims are as they were, except
// when the error says that undoing failed too.
func (e *Engine) Up(conns []conn.Conn) (plan.Plan, error) {
	return e.change(task{conns: conns, as: plan.Claim{Owner: Admin}, adopt: e.Adopt})
}

// Down gives the claims of the names up and makes the kernel agree.
// Conns helps to find what is left of conns whose claims were lost.
func (e *Engine) Down(names []string, conns []conn.Conn) (plan.Plan, error) {
	return e.change(task{conns: conns, drop: names})
}

// Plan returns what Up would do, and changes nothing.
func (e *Engine) Plan(conns []conn.Conn) (plan.Plan, error) {
	r, err := e.prepare(task{conns: conns, as: plan.Claim{Owner: Admin}, adopt: e.Adopt})
	return r.plan, err
}

// change runs the whole chain for a task.
func (e *Engine) change(t task) (plan.Plan, error) {
	many := !t.adopt && !t.collect && len(changing(t)) > few
	if many {
		underway, err := e.Store.LockMany()
		if err != nil {
			return plan.Plan{}, err
		}
		defer underway.Release()
	}
	lock, err := e.Store.Lock()
	if err != nil {
		return plan.Plan{}, err
	}
	defer lock.Release()
	if many {
		turns := &turns{Engine: e, lock: lock}
		return e.converge(t, turns.attempt)
	}
	return e.converge(t, e.attempt)
}

// converge does a task under the lock. What was displaced and cannot be put
// back now, because what it needs is not there, is no reason to fail.
func (e *Engine) converge(t task, attempt func(task) (plan.Plan, error)) (plan.Plan, error) {
	t.refused = map[plan.Saved]error{}
	for {
		p, err := attempt(t)
		var failed *plan.OpError
		if !errors.As(err, &failed) || !lacksSomething(failed.Err) {
			return p, err
		}
		s, ok := p.PutsBack(failed.Op)
		if !ok {
			return p, err
		}
		t.refused[s] = failed.Err
	}
}

// lacksSomething reports whether the kernel refused a route for want of its
// device, its gateway or its source.
func lacksSomething(err error) bool {
	return slices.ContainsFunc([]error{syscall.ENODEV, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EINVAL},
		func(lack error) bool { return errors.Is(err, lack) })
}

// attempt does a task once. A change of few conns reads what is near them only;
// when what it finds cannot be judged from there, or is not what the claims say,
// it is done again with everything read.
func (e *Engine) attempt(t task) (plan.Plan, error) {
	r, err := e.prepareNear(t)
	if err == nil && r.isIdle() {
		err = errLookFurther // a look at everything has found something
	}
	if err == nil {
		err = e.carryOut(&r)
	}
	if errors.Is(err, errLookFurther) {
		if r, err = e.prepare(t); err == nil && !r.isIdle() {
			err = e.carryOut(&r)
		}
	}
	return r.plan, err
}

// carryOut does what was planned, and verifies it.
func (e *Engine) carryOut(r *run) error {
	if len(r.plan.Ops) == 0 && len(r.changing()) <= few {
		return e.Store.Change(r.settled()) // all of it or nothing, and there is nothing to verify
	}
	if err := e.Store.Change(r.begun()); err != nil {
		undone := e.forget(r, r.saved) // of thousands of claims the first may be there
		if undone != nil && undone.Error() == err.Error() {
			return err
		}
		return errors.Join(err, undone)
	}
	if err := e.Kernel.Apply(r.plan.Ops, e.Trace); err != nil {
		undone := e.undo(r, err)
		if undone == nil && r.surprised(err) {
			return errLookFurther
		}
		return errors.Join(err, undone)
	}
	if err := e.Store.Change(r.done()); err != nil {
		return err
	}
	r.have.State, r.wants = nil, nil // which may be large, and are history
	return e.verify(r)
}

// forget takes the claims back that were written at the beginning.
func (e *Engine) forget(r *run, saved []plan.Saved) error {
	c := claim.Change{Put: r.replaced, Saved: saved}
	for _, old := range slices.Concat(r.replaced, r.leaving) {
		if !old.Unfinished {
			c.End = append(c.End, old.Name)
		}
	}
	for _, added := range r.added {
		if _, ok := named(r.replaced, added.Name); !ok {
			c.Remove, c.End = append(c.Remove, added.Name), append(c.End, added.Name)
		}
	}
	return e.Store.Change(c)
}

// undo leads kernel and claims back to where they were before the operation
// that failed.
func (e *Engine) undo(r *run, failure error) error {
	var done []plan.Op
	var failed *plan.OpError
	if errors.As(failure, &failed) {
		done = failed.Done
	}
	now, err := e.Kernel.Observe(r.query)
	if err == nil {
		r.assume(plan.Made(done), now.State)
		err = e.Kernel.Apply(plan.Revert(r.have.State, now.State, done), e.Trace)
	}
	if err != nil {
		// What has been saved stays saved, for a later run to restore.
		return errors.Join(fmt.Errorf("undoing what was done until then: %w", err), e.forget(r, r.begun().Saved))
	}
	return e.forget(r, r.saved)
}

// verify observes again and says what is not as it should be.
func (e *Engine) verify(r *run) error {
	now, err := e.Kernel.Observe(r.query)
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	saved := now.Facts.Present(r.savedAfter())
	// An SA that has come or gone meanwhile is for the next run.
	now.Facts.SAs = r.have.Facts.SAs
	want, _ := plan.Compile(r.claims, e.complete(now, saved))
	r.assume(want.State, now.State)
	left := plan.Diff(want, now.State, r.context(saved))
	left.Ops = unheld(left.Ops, r.hold)
	var errs []error
	for _, op := range left.Ops {
		errs = append(errs, fmt.Errorf("the kernel did not keep a change, or somebody undid it at once: still to do: %s", op))
	}
	return errors.Join(errs...)
}

// complete returns the facts of an observation with what the kernel cannot
// tell: names, and how things were before ipsecif changed them.
func (e *Engine) complete(o plan.Observation, saved []plan.Saved) plan.Facts {
	f := o.Facts.Before(saved).Outside(o.State.Before(saved))
	f.Names = e.Names
	return f
}

// managed returns the places of the configuration and of claims.
func (e *Engine) managed(claims []plan.Claim) plan.Managed {
	places := append(plan.Managed{plan.DefaultPlace, plan.SourcePlace}, e.Managed...)
	for _, c := range claims {
		for _, t := range append(c.Previous, c.Tunnel) {
			if t.Netns != "" && !t.ByPeer {
				continue
			}
			places = append(places, t.Places()...)
		}
	}
	slices.SortFunc(places, plan.ComparePlaces)
	return slices.Compact(places)
}

// observeAll observes, and again with the places that are evidently ours beside
// the managed ones, for what is left over of claims that are lost.
func (e *Engine) observeAll(q plan.Query, managed plan.Managed) (plan.Query, plan.Managed, plan.Observation, error) {
	q.Netns = sorted(append(q.Netns, e.Netns...))
	have, err := e.Kernel.Observe(q)
	if err != nil {
		return q, managed, have, err
	}
	all := len(q.Tables)
	for _, p := range plan.Evident(have.State) {
		if !slices.Contains(managed, p) {
			managed = append(managed, p)
		}
		if !slices.Contains(q.Tables, p.Table) {
			q.Tables = append(q.Tables, p.Table)
		}
	}
	if len(q.Tables) > all {
		have, err = e.Kernel.Observe(q)
	}
	return q, managed, have, err
}

// query asks for what the claims and the conns depend on.
func query(managed plan.Managed, claims []plan.Claim, saved []plan.Saved, conns []conn.Conn, names plan.Names) plan.Query {
	q := plan.Query{Clamps: true, Firewall: firewallQuery(claims, conns)}
	for _, p := range managed {
		if !slices.Contains(q.Tables, p.Table) && p.Table != routing.TableMain {
			q.Tables = append(q.Tables, p.Table)
		}
	}
	for _, s := range saved {
		if s.Netns != "" {
			continue // all of it is read
		}
		switch o := s.Object().(type) {
		case routing.Route:
			q.Tables = append(q.Tables, o.Table)
			if o.Dev != "" { // is it still there?
				q.Settings = append(q.Settings, o.Dev)
			}
		case routing.Rule:
		default:
			q.Settings = append(q.Settings, s.Link)
		}
		q.Indexes = append(q.Indexes, s.Index)
	}
	q.Paths = paths(claims, conns, names)
	q.SAs = sas(claims, conns)
	for _, c := range claims {
		q.VRFs = append(q.VRFs, c.Tunnel.VRF)
	}
	for i := range conns {
		q.VRFs = append(q.VRFs, conns[i].VRF)
	}
	q.VRFs = sorted(q.VRFs)
	q.Netns = netns(claims, saved, conns)
	return q
}

// netns returns the names of the other network namespaces that anything was or
// is to be in, each once.
func netns(claims []plan.Claim, saved []plan.Saved, conns []conn.Conn) []string {
	names := map[string]bool{}
	for _, c := range claims {
		for _, t := range append(c.Previous, c.Tunnel) {
			names[t.Netns] = true
		}
	}
	for _, s := range saved {
		names[s.Netns] = true
	}
	for i := range conns {
		names[conns[i].Netns] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// sas returns the if_ids of which SAs decide about sizes or routes, each once.
func sas(claims []plan.Claim, conns []conn.Conn) []xfrmi.IfID {
	asked := map[xfrmi.IfID]bool{}
	for _, c := range claims {
		if c.Tunnel.ComputesSizes() || c.Tunnel.Withdraws() {
			asked[c.Tunnel.IfID] = true
		}
	}
	for i := range conns {
		if c := &conns[i]; c.LinkMTU.Kind == conn.SizeAuto || c.MSS.Kind == conn.SizeAuto || c.OnLoss == conn.OnLossWithdraw {
			asked[xfrmi.IfID(c.Interface.IfID)] = true
		}
	}
	return slices.Sorted(maps.Keys(asked))
}

// paths returns the questions about paths, each once.
func paths(claims []plan.Claim, conns []conn.Conn, names plan.Names) []plan.PathQuery {
	asked := map[plan.PathQuery]bool{}
	var all []plan.PathQuery
	add := func(queries []plan.PathQuery) {
		for _, q := range queries {
			if !asked[q] {
				asked[q] = true
				all = append(all, q)
			}
		}
	}
	for _, c := range claims {
		add(c.Tunnel.PathQueries())
	}
	for i := range conns {
		add(plan.PathQueries(&conns[i], names))
	}
	return all
}

// Claimed returns the names of all claims.
func (e *Engine) Claimed() (names []string, err error) {
	err = e.Store.Read(func(r *claim.Reader) error {
		names = r.Names("")
		return nil
	})
	return names, err
}

// IsUp reports whether there is a claim with a name by which an IKE daemon said
// that its tunnel is up.
func (e *Engine) IsUp(name string) (bool, error) {
	c, ok, err := e.claimed(name)
	return ok && c.Up, err
}

// ClaimedAs returns the names of the claims of conns with a name, and of those
// called NAME/something or NAME[something].
func (e *Engine) ClaimedAs(name string) (names []string, err error) {
	err = e.Store.Read(func(r *claim.Reader) error {
		c, ok, err := r.Claim(name)
		if ok {
			names = append(names, c.Name)
		}
		names = append(append(names, r.Names(name+"/")...), r.Names(name+"[")...)
		return err
	})
	return names, err
}
