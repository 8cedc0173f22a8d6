package updown

import (
	"errors"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Wanted returns the claims that Up would make of conns, and all that these
// would need of a host on which none of it is there yet. It changes nothing.
func (e *Engine) Wanted(conns []conn.Conn) ([]plan.Claim, plan.Want, error) {
	before, saved, err := e.Store.All()
	if err != nil {
		return nil, plan.Want{}, err
	}
	managed := e.managed(before)
	for i := range conns {
		managed = append(managed, plan.PlacesOf(&conns[i])...)
	}
	have, err := e.Kernel.Observe(query(managed, before, saved, conns, e.Names))
	if err != nil {
		return nil, plan.Want{}, err
	}
	facts := e.complete(have, have.Facts.Present(saved)).Unserved()
	facts.Names = withClaimed(facts.Names, conns, before)
	claims, err := task{conns: conns, as: plan.Claim{Owner: Admin}}.claim(facts)
	want, problems := plan.Compile(claims, facts)
	errs := []error{err}
	for _, p := range problems {
		errs = append(errs, p)
	}
	return claims, want.On(plan.State{}, managed), errors.Join(errs...)
}
