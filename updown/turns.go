package updown

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/lock"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// A change of many conns takes seconds, which a hook that an IKE daemon waits for
// must not take. So it lets the lock go while it looks, and after each slice of
// what it does: whoever waits has its turn then. The claims that it changes are
// marked in the store meanwhile, as for a run that dies in the middle. Others
// leave what these claims want where it is; who changes one of them takes its
// mark away, and has the last word about it.

// slice is how much of a change is done before others have their turn: so many
// operations, or claims.
const slice = 256

// attempts is how often a task is tried with others in between.
const attempts = 3

// turns does a task for many conns.
type turns struct {
	*Engine
	lock      *lock.Lock
	disturbed bool // somebody else has had the lock since this has looked
	first     *run // as it was before anything was written
}

// errDisturbed means that others have changed what this run relies on.
var errDisturbed = errors.New("others have changed too much meanwhile")

func (t *turns) attempt(task task) (p plan.Plan, err error) {
	for n := 0; ; n++ {
		if n < attempts {
			p, err = t.inSlices(task)
		} else {
			p, err = t.Engine.attempt(task)
		}
		switch {
		case errors.Is(err, errDisturbed):
			continue
		case err != nil && n > 0 && t.first != nil:
			err = errors.Join(err, t.goBack())
		}
		return p, err
	}
}

// goBack undoes what earlier attempts have done.
func (t *turns) goBack() error {
	back := task{lower: slices.Concat(t.first.replaced, t.first.leaving), drop: []string{}}
	for _, c := range t.first.added {
		if _, ok := named(t.first.replaced, c.Name); !ok {
			back.drop = append(back.drop, c.Name)
		}
	}
	if _, err := t.Engine.attempt(back); err != nil {
		return fmt.Errorf("undoing what was done until then: %w", err)
	}
	return nil
}

// yield lets others have their turn.
func (t *turns) yield(meanwhile func()) error {
	alone, err := t.lock.Yield(meanwhile)
	t.disturbed = t.disturbed || !alone
	return err
}

// look is prepare without the lock.
func (t *turns) look(task task) (r run, err error) {
	t.disturbed = false
	failed := t.yield(func() { r, err = t.prepare(task) })
	return r, errors.Join(err, failed)
}

// inSlices does a task once.
func (t *turns) inSlices(task task) (plan.Plan, error) {
	r, err := t.look(task)
	switch {
	case err != nil && t.disturbed:
		return r.plan, errDisturbed
	case err != nil:
		return r.plan, err
	}
	if r.isIdle() {
		return r.plan, nil
	}
	if t.first == nil {
		t.first = &run{added: r.added, replaced: r.replaced, leaving: r.leaving}
	}
	begun := r.begun()
	if err := t.write(begun, r.stored, begun.Saved, false); err != nil {
		return r.plan, t.withdraw(&r, nil, err)
	}
	if t.disturbed {
		// Until their claims were there, others may have taken away what was
		// there for these conns, too.
		now, err := t.look(task)
		if err != nil {
			return now.plan, t.withdraw(&r, nil, err)
		}
		now.replaced = r.replaced
		if r = now; !slices.Equal(begun.Saved, r.begun().Saved) {
			return r.plan, errDisturbed
		}
	}
	done, err := t.apply(r.plan.Ops, r.managed)
	if err != nil {
		return r.plan, t.withdraw(&r, done, err)
	}
	if t.disturbed && len(r.released()) > 0 {
		return r.plan, errDisturbed // who shared with what was released may be gone, too
	}
	if err := t.finish(&r, begun.Saved); err != nil {
		return r.plan, err
	}
	return r.plan, t.check(&r)
}

// write does a change of the store in slices. Was is what is saved before. Alone
// means that nobody may have a turn in between.
func (t *turns) write(c claim.Change, was, saved []plan.Saved, alone bool) error {
	for i, piece := range c.Pieces(slice) {
		if i > 0 {
			was = saved
			if err := t.yield(func() {}); err != nil {
				return err
			}
			if alone && t.disturbed {
				return errDisturbed
			}
		}
		if err := t.saves(was); err != nil {
			return err
		}
		if err := t.Store.Change(piece); err != nil {
			return err
		}
	}
	return nil
}

// saves makes sure that nobody else has changed what is to be restored.
func (t *turns) saves(want []plan.Saved) error {
	if !t.disturbed {
		return nil
	}
	return t.Store.Read(func(r *claim.Reader) error {
		if saved, err := r.Saved(); err != nil || !slices.Equal(saved, want) {
			return errors.Join(errDisturbed, err)
		}
		return nil
	})
}

// apply does operations in slices, and returns those that were done.
func (t *turns) apply(ops []plan.Op, managed plan.Managed) (done []plan.Op, err error) {
	for len(ops) > 0 {
		n := plan.Slice(ops, slice)
		some := ops[:n]
		for len(some) > 0 && err == nil {
			if t.disturbed {
				some, err = t.unwanted(some, managed)
			}
			var did []plan.Op
			did, some, err = t.some(some, err)
			done = append(done, did...)
		}
		if ops = ops[n:]; err == nil && len(ops) > 0 {
			err = t.yield(func() {})
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// some does operations. Of one that others have done before, those that are left
// are returned.
func (t *turns) some(ops []plan.Op, err error) (done, left []plan.Op, _ error) {
	if err != nil {
		return nil, nil, err
	}
	var failed *plan.OpError
	switch err = t.Kernel.Apply(ops, t.Trace); {
	case err == nil:
		return ops, nil, nil
	case !errors.As(err, &failed) || !t.disturbed || !isSurprise(err):
		if failed != nil {
			done = failed.Done
		}
		return done, nil, err
	}
	left = slices.DeleteFunc(slices.Clone(ops), func(op plan.Op) bool { return op == failed.Op || slices.Contains(failed.Done, op) })
	return failed.Done, left, nil
}

// unwanted leaves out operations that take away what somebody wants by now, and
// those that make what nobody wants any more.
func (t *turns) unwanted(ops []plan.Op, managed plan.Managed) (left []plan.Op, err error) {
	err = t.Store.Read(func(r *claim.Reader) error {
		for _, op := range ops {
			_, isSetting := op.Object.(routing.Sysctl)
			_, wanted := r.Wants(op.Object.Key(), nil)
			switch {
			case (op.Verb == plan.Del || isSetting) && r.WantedFirmly(op.Object.Key()):
			case op.Verb == plan.Add && !wanted && managed.Owns(op.Object):
			default:
				left = append(left, op)
			}
		}
		return nil
	})
	return left, err
}

// withdraw undoes what was done, except when it is to be tried again.
func (t *turns) withdraw(r *run, done []plan.Op, failure error) error {
	if errors.Is(failure, errDisturbed) {
		return errDisturbed
	}
	now, err := t.Kernel.Observe(r.query)
	if err == nil {
		ops := plan.Revert(r.have.State, now.State, done)
		if t.disturbed {
			ops, err = t.unwanted(ops, r.managed)
		}
		if err == nil {
			err = t.Kernel.Apply(ops, t.Trace)
		}
	}
	if err != nil {
		err = fmt.Errorf("undoing what was done until then: %w", err)
	}
	saved := r.stored
	if err != nil || t.saves(r.begun().Saved) != nil {
		saved = r.begun().Saved // for a later run to restore
	}
	return errors.Join(failure, err, t.forget(r, saved))
}

// finish writes that the change is done. Where others have changed its claims
// meanwhile, these are theirs.
func (t *turns) finish(r *run, saved []plan.Saved) error {
	c := r.done()
	if t.disturbed {
		err := t.Store.Read(func(store *claim.Reader) error {
			c.Put = slices.DeleteFunc(c.Put, func(p plan.Claim) bool { return isTheirs(store, r, p) })
			gone := func(name string) bool { return !store.Begun(name) }
			c.Remove, c.End = slices.DeleteFunc(slices.Clone(c.Remove), gone), slices.DeleteFunc(c.End, gone)
			return nil
		})
		if err != nil {
			return err
		}
	}
	// Who shared something with claims that go keeps it for those of them that are
	// not gone yet, and leaves it to this run.
	return t.write(c, saved, c.Saved, len(r.released()) > 0)
}

// isTheirs reports whether somebody else has changed a claim since this run has
// looked.
func isTheirs(store *claim.Reader, r *run, c plan.Claim) bool {
	if slices.ContainsFunc(r.added, func(added plan.Claim) bool { return added.Name == c.Name }) {
		return !store.Begun(c.Name)
	}
	now, ok, err := store.Claim(c.Name)
	return !ok || err != nil || now.Unfinished || !reflect.DeepEqual(now.Tunnel, c.Tunnel)
}

// check verifies what was done. If others changed something meanwhile, it is
// they who may have made the difference.
func (t *turns) check(r *run) (err error) {
	r.have.State, r.wants = nil, nil // which may be large, and are history
	disturbed := t.disturbed
	if failed := t.yield(func() { err = t.verify(r) }); failed != nil {
		return failed
	}
	if err != nil && (disturbed || t.disturbed) {
		return errDisturbed
	}
	return err
}
