package updown

import (
	"slices"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// survey is a look at everything, for a repair.
type survey struct {
	result   Repair
	claims   []plan.Claim
	blocked  map[string]bool // claims that cannot be served
	changing map[string]bool // claims that another process changes at the moment
	lacking  map[string]bool // claims that something is to be done for
	held     map[string]bool // claims that something is left undone for
	strays   bool            // something is to be done that is for no claim
	facts    plan.Facts
	have     plan.State
	want     plan.Want
	plan     plan.Plan
}

// survey looks at all claims, and writes nothing.
func (e *Engine) survey(hold map[string]bool) (s survey, err error) {
	claims, saved, err := e.Store.All()
	if err != nil || len(claims) == 0 {
		return s, err
	}
	s = survey{claims: claims, blocked: map[string]bool{}, changing: map[string]bool{}, lacking: map[string]bool{}, held: map[string]bool{}}
	underway := e.Store.Underway()
	for _, c := range claims {
		if c.Unfinished && underway {
			s.changing[c.Name] = true
		} else if c.Unfinished {
			s.lacking[c.Name] = true
		}
	}
	managed := e.managed(claims)
	o, err := e.Kernel.Observe(query(managed, claims, saved, nil, e.Names))
	if err != nil {
		return s, err
	}
	saved = o.Facts.Present(saved)
	s.facts, s.have = e.complete(o, saved), o.State
	want, problems := plan.Compile(claims, s.facts)
	var released []plan.Tunnel
	for _, c := range claims {
		released = append(released, c.Previous...)
	}
	outside := o.Facts.Outside(o.State)
	want.Release(released, outside)
	want.Lapse(released, outside)
	s.want = want
	texts := map[string][]string{}
	for _, p := range problems {
		s.blocked[p.Claim] = true
		texts[p.Claim] = append(texts[p.Claim], p.Text)
	}
	ctx := plan.Context{Managed: managed, Saved: saved, Indexes: o.Facts.Indexes, Retake: served(claims)}
	s.compare(ctx, texts)
	s.attribute(hold)
	s.conditions(texts)
	return s, nil
}

// compare makes the plan for the claims that can be served.
func (s *survey) compare(ctx plan.Context, texts map[string][]string) {
	for again := true; again; {
		scope := plan.NewScope()
		for _, c := range s.claims {
			if s.blocked[c.Name] || s.changing[c.Name] {
				continue
			}
			for _, t := range append(c.Previous, c.Tunnel) {
				scope.Add(c.Name, t.Netns, t.Device())
			}
			scope.Own(c.Wants)
		}
		ctx.Scope = &scope
		s.plan = plan.Diff(s.want, s.have, ctx)
		again = false
		for _, c := range s.plan.Conflicts {
			for _, name := range c.Owners {
				if !slices.Contains(texts[name], c.Text) {
					texts[name] = append(texts[name], c.Text)
				}
				again = again || !s.blocked[name] && !s.changing[name]
				s.blocked[name] = true
			}
		}
	}
}

// attribute finds out for which claims the operations are that are not held.
func (s *survey) attribute(hold map[string]bool) {
	if len(s.plan.Ops) == 0 {
		return
	}
	todo := map[plan.Op]bool{}
	for _, op := range unheld(s.plan.Ops, hold) {
		todo[op] = true
	}
	byLink, byKey := map[string][]string{}, map[string][]string{}
	for _, c := range s.claims {
		for _, t := range append(c.Previous, c.Tunnel) {
			link := linkKey(t.Netns, s.facts.LinkOf(t))
			byLink[link] = append(byLink[link], c.Name)
		}
		for _, key := range c.Wants {
			byKey[key] = append(byKey[key], c.Name)
		}
	}
	were := served(s.claims)
	for _, op := range s.plan.Ops {
		netns, inner := plan.Where(op.Object)
		link := plan.LinkOf(inner)
		if l, ok := inner.(xfrmi.Link); ok {
			link = l.Name
		}
		conns := s.free(s.want.OwnersOf(op.Object))
		if conns == nil {
			conns = s.free(byKey[op.Object.Key()])
		}
		if conns == nil {
			conns = s.free(byLink[linkKey(netns, link)])
		}
		set := s.lacking
		if !todo[op] {
			set = s.held
			s.result.Held++
		}
		for _, name := range conns {
			set[name] = true
		}
		if !todo[op] {
			continue
		}
		s.strays = s.strays || conns == nil
		_, isAttr := inner.(xfrmi.Attr)
		drift := op.Verb != plan.Del && (were[op.Object.Key()] || isAttr && were[linkKey(netns, link)])
		s.result.Repaired = append(s.result.Repaired, Repaired{Op: op, Conns: conns, Had: s.have[op.Object.Key()], Drift: drift})
	}
}

// free leaves out the claims that nothing is to be done for.
func (s *survey) free(names []string) []string {
	var free []string
	for _, name := range names {
		if !s.blocked[name] && !s.changing[name] {
			free = append(free, name)
		}
	}
	return free
}

func linkKey(netns, name string) string {
	return plan.Inside(netns, xfrmi.Link{Name: name}).Key()
}

// conditions says how the claims fare when what is planned is done.
func (s *survey) conditions(texts map[string][]string) {
	waiting := map[string]bool{}
	for _, name := range s.want.WaitsOf(s.claims) {
		waiting[name] = true
	}
	for _, c := range s.claims {
		t := c.Tunnel
		state := ClaimState{
			Name: c.Name, Owner: c.Owner, IfID: t.IfID, Condition: InSync,
			Link: s.facts.LinkOf(t), VRF: t.VRF, Netns: t.Netns, Peer: t.Peer,
		}
		switch {
		case len(texts[c.Name]) > 0:
			state.Condition, state.Problems = Blocked, texts[c.Name]
		case s.changing[c.Name], s.held[c.Name]:
			state.Condition = Drift
		case waiting[c.Name]:
			state.Condition = Waiting
		}
		s.result.Claims = append(s.result.Claims, state)
	}
}

func (s *survey) isIdle() bool { return len(s.names()) == 0 && !s.strays }

// names returns the names of the claims that something is to be done for.
func (s *survey) names() []string {
	names := namesIn(s.lacking)
	return s.free(names)
}

// note keeps of what was found what was also done.
func (s *survey) note(done []plan.Plan) {
	found := map[plan.Op]Repaired{}
	for _, r := range s.result.Repaired {
		found[r.Op] = r
	}
	s.result.Repaired = nil
	for _, p := range done {
		for _, op := range p.Ops {
			r, ok := found[op]
			if !ok {
				r = Repaired{Op: op, Conns: s.free(s.want.OwnersOf(op.Object))}
			}
			s.result.Repaired = append(s.result.Repaired, r)
		}
		s.result.Notes = append(s.result.Notes, p.Notes...)
	}
}
