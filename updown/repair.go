package updown

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// A repair leads the kernel back to what all claims ask for, whoever made them,
// as they are stored. It looks without the lock first: most of the time nothing
// is to be done, and nobody has to wait for that. What it finds is done by the
// same steps as every change, for those claims alone that lack something.
//
// Each claim stands for itself: one that cannot be served is left as it is, and
// keeps no other from being repaired.

// Repaired is one operation that led back to what claims ask for.
type Repaired struct {
	Op    plan.Op
	Conns []string    // the claims that it was for
	Had   plan.Object // what was in the place, nil for nothing
	// Drift says that the object was as it is to be before, and somebody else has
	// changed or taken it. Else what is wanted has changed: with SAs, say.
	Drift bool
}

// Repair is what a repair found and did. The zero value is that of a host without
// claims.
type Repair struct {
	Claims   []ClaimState // by name
	Repaired []Repaired   // in the order in which they were done
	// Held is how many operations were left for later because they were not to
	// be done yet.
	Held  int
	Notes []string // what becomes of objects of others, in sentences
}

// ClaimState is how a claim fares.
type ClaimState struct {
	Name, Owner string
	IfID        xfrmi.IfID
	// Condition is InSync, Waiting, Blocked, or Drift when what was done did not
	// last or is Held.
	Condition Condition
	Problems  []string   // why it is Blocked
	Link      string     // "" when it is policy-based
	VRF       string     // of the link, "" for none
	Netns     string     // network namespace of the link
	Peer      netip.Addr // invalid: any
}

// Repair makes the kernel agree with all claims as far as that is possible. Hold
// has the keys of objects that are not to be touched now, with all that is on
// them. The routes of claims that were replaced by routes of others are made
// again, and those of others are put back when no claim needs the place any more,
// as with Adopt; nothing else of others is touched.
//
// The error is for what concerns all claims, such as a kernel that does not
// answer.
func (e *Engine) Repair(hold map[string]bool) (Repair, error) {
	s, err := e.survey(hold)
	if err != nil || s.isIdle() {
		return s.result, err
	}
	failed := map[string]error{}
	done, err := inParts(s.names(), failed, func(names []string) (plan.Plan, error) {
		return e.change(task{repair: append([]string{}, names...), hold: hold})
	})
	for i := range s.result.Claims {
		c := &s.result.Claims[i]
		if err := failed[c.Name]; err != nil {
			c.Condition, c.Problems = Blocked, append(c.Problems, lines(err)...)
		}
	}
	s.note(done)
	return s.result, err
}

// inParts does something for many claims together, and where single ones of them
// cannot be served, for the others without them. It returns all that was done.
func inParts(names []string, failed map[string]error, do func([]string) (plan.Plan, error)) (done []plan.Plan, err error) {
	p, err := do(names)
	if err == nil {
		return []plan.Plan{p}, nil
	}
	culprits := blockedBy(err, p.Conflicts)
	rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		because, blocked := culprits[name]
		if blocked {
			failed[name] = because
		}
		return blocked
	})
	switch {
	case !isOfClaims(err):
		return nil, err
	case len(names) <= 1:
		for _, name := range names {
			failed[name] = err
		}
		return nil, nil
	case len(rest) == 0:
		return nil, nil
	case len(rest) < len(names):
		return inParts(rest, failed, do)
	}
	half := len(names) / 2
	first, err := inParts(names[:half], failed, do)
	if err != nil {
		return first, err
	}
	second, err := inParts(names[half:], failed, do)
	return append(first, second...), err
}

// toRepair returns the claims that a repair is for, as they are.
func toRepair(before []plan.Claim, names []string) []plan.Claim {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	return slices.DeleteFunc(slices.Clone(before), func(c plan.Claim) bool { return !wanted[c.Name] })
}

// isIdle reports whether a repair has nothing to do: somebody else was faster.
func (r *run) isIdle() bool {
	unfinished := func(c plan.Claim) bool { return c.Unfinished || len(c.Previous) > 0 }
	return r.repair != nil && len(r.plan.Ops)+len(r.plan.Save)+len(r.plan.Forget) == 0 && !slices.ContainsFunc(r.replaced, unfinished)
}

// served returns the keys of the objects that finished claims had: what is now in
// such a place came there later.
func served(claims []plan.Claim) map[string]bool {
	keys := map[string]bool{}
	for _, c := range claims {
		if c.Unfinished {
			continue
		}
		for _, key := range c.Wants {
			keys[key] = true
		}
	}
	return keys
}

// unheld leaves operations out that touch what is held, or what is on a link that
// is held.
func unheld(ops []plan.Op, hold map[string]bool) []plan.Op {
	if len(hold) == 0 {
		return ops
	}
	return slices.DeleteFunc(slices.Clone(ops), func(op plan.Op) bool {
		netns, inner := plan.Where(op.Object)
		link := plan.Inside(netns, xfrmi.Link{Name: plan.LinkOf(inner)})
		return hold[op.Object.Key()] || hold[link.Key()]
	})
}

// inOrder returns claims by name, as they are stored: of two that cannot be
// served together it is always the same one that is refused.
func inOrder(claims []plan.Claim) []plan.Claim {
	return slices.SortedFunc(slices.Values(claims), func(a, b plan.Claim) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
}

// namesIn returns the names in a set, in order.
func namesIn(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
