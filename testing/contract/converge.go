package contract

import (
	"math/rand/v2"
	"testing"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// Converge lets a plan lead from a random state to what random claims want, and
// back. What is wanted is there then; of ours, nothing else is; a second plan
// is empty; and what others made is as it was, in the end also what gave its
// place up. It reports whether the state could be reached: some places are
// filled by what cannot be displaced.
func Converge(t *testing.T, k updown.Kernel, seed uint64) bool {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	c := converger{t: t, kernel: k, claims: randomClaims(r), managed: plan.Managed{plan.DefaultPlace}}
	c.consistent()
	want, _ := plan.Compile(c.claims, filtered(plan.Facts{}))
	if err := populate(k, r, want.State); err != nil {
		t.Fatal(err)
	}
	before := c.observe()
	p := c.apply(true)
	if len(p.Conflicts) > 0 {
		return false
	}
	up := c.observe()
	c.expect(before, up, p.Ops)
	c.claims = nil
	down := c.apply(false)
	c.expect(before, c.observe(), append(p.Ops, down.Ops...))
	for _, conflict := range p.Displaces {
		if c.observe().State[conflict.Have.Key()] != conflict.Have && !onLink(append(p.Ops, down.Ops...), conflict.Have) {
			t.Errorf("displaced and not put back: %s", conflict.Have)
		}
	}
	return true
}

type converger struct {
	t       *testing.T
	kernel  updown.Kernel
	claims  []plan.Claim
	managed plan.Managed
	saved   []plan.Saved
}

// consistent drops claims until the others can be served together.
func (c *converger) consistent() {
	for {
		_, problems := plan.Compile(c.claims, filtered(plan.Facts{Paths: paths(c.claims)}))
		if len(problems) == 0 {
			return
		}
		for i, claim := range c.claims {
			if claim.Name == problems[0].Claim {
				c.claims = append(c.claims[:i:i], c.claims[i+1:]...)
				break
			}
		}
	}
}

// paths lets every peer be reached.
func paths(claims []plan.Claim) map[plan.PathQuery]routing.Path {
	m := map[plan.PathQuery]routing.Path{}
	for _, claim := range claims {
		for _, q := range claim.Tunnel.PathQueries() {
			m[q] = routing.Path{Dev: "eth0"}
		}
	}
	return m
}

// filtered returns the facts of a host with a firewall.
func filtered(f plan.Facts) plan.Facts {
	return f.Outside(plan.NewState(
		firewall.Base{Table: filterTable, Chain: "input", Hook: "input"}, firewall.Base{Table: filterTable, Chain: "forward", Hook: "forward"}))
}

func (c *converger) observe() plan.Observation {
	q := query
	q.Firewall.Places = firewall.PlacesIn(filterTable)
	for _, claim := range c.claims {
		q.Paths = append(q.Paths, claim.Tunnel.PathQueries()...)
	}
	o, err := c.kernel.Observe(q)
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

func (c *converger) diff(adopt bool) (plan.Want, plan.Plan) {
	o := c.observe()
	want, _ := plan.Compile(c.claims, o.Facts.Before(c.saved).Outside(o.State.Before(c.saved)))
	return want.On(o.State, c.managed), plan.Diff(want, o.State, plan.Context{Managed: c.managed, Saved: c.saved, Adopt: adopt})
}

// apply makes the kernel agree with the claims, and checks that it does.
func (c *converger) apply(adopt bool) plan.Plan {
	_, p := c.diff(adopt)
	if len(p.Conflicts) > 0 {
		return p
	}
	if err := c.kernel.Apply(p.Ops, func(plan.Op) {}); err != nil {
		c.t.Fatalf("%v\nof the plan\n%v", err, p.Ops)
	}
	var saved []plan.Saved
	for _, s := range c.saved {
		if !contains(p.Forget, s) {
			saved = append(saved, s)
		}
	}
	c.saved = append(saved, p.Save...)
	want, again := c.diff(adopt)
	if !again.Empty() {
		c.t.Errorf("after the plan\n%v\nthere is still to do\n%v %v", p.Ops, again.Ops, again.Conflicts)
	}
	have := c.observe().State
	for key, o := range want.State {
		if have[key] == nil || !plan.Same(o, have[key]) {
			c.t.Errorf("wanted is %s, there is %v", o, have[key])
		}
	}
	for key, o := range have {
		if c.managed.Owns(o) && want.State[key] == nil {
			c.t.Errorf("left over: %s", o)
		}
	}
	return p
}

func contains[T comparable](list []T, v T) bool {
	for _, w := range list {
		if w == v {
			return true
		}
	}
	return false
}

// expect checks that what others made is still there, but for what operations
// have displaced or taken along, and settings, which come back in the end.
func (c *converger) expect(before, after plan.Observation, ops []plan.Op) {
	c.t.Helper()
	for key, was := range before.State {
		if c.managed.Owns(was) || after.State[key] == was || onLink(ops, was) {
			continue
		}
		attr, isAttr := was.(xfrmi.Attr)
		_, isSysctl := was.(routing.Sysctl)
		if (isAttr || isSysctl) && len(c.claims) > 0 || saved(c.saved, key) {
			continue
		}
		if attr.Name == xfrmi.AttrAddrGen {
			continue // the kernel chooses another when an xfrm interface comes up
		}
		c.t.Errorf("somebody else's %s is %v now, after\n%v", was, after.State[key], ops)
	}
}

func saved(list []plan.Saved, key string) bool {
	for _, s := range list {
		if s.Object().Key() == key {
			return true
		}
	}
	return false
}

// onLink reports whether operations deleted the link of an object, or an address
// of it, with which Linux takes routes away.
func onLink(ops []plan.Op, o plan.Object) bool {
	link := plan.LinkOf(o)
	for _, op := range ops {
		if op.Verb != plan.Del || link == "" {
			continue
		}
		switch gone := op.Object.(type) {
		case xfrmi.Link:
			if gone.Name == link {
				return true
			}
		case xfrmi.Addr:
			if _, isRoute := o.(routing.Route); isRoute && gone.Link == link {
				return true
			}
		}
	}
	return false
}
