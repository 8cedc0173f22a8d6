package updown

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Condition is how the kernel compares with what a claim asks for.
type Condition string

// The conditions of a conn and of single objects.
const (
	Down    Condition = "down"              // nobody claims the conn
	InSync  Condition = "in sync"           // all is there
	Drift   Condition = "drift"             // something is missing or differs
	Waiting Condition = "waiting for an SA" // all is there but the routes that are there only with an SA
	Blocked Condition = "blocked"           // the claim cannot be served, see Problems

	Present  Condition = "ok"
	Adopted  Condition = "foreign" // equal to what is wanted, made by somebody else
	Missing  Condition = "missing"
	Differs  Condition = "differs"
	Lower    Condition = "lower"      // a computed MTU or MSS that may be raised: packets pass as it is
	Leftover Condition = "leftover"   // ours, and no claim wants it
	InTheWay Condition = "in the way" // foreign, where a claim wants something else
)

// ObjectStatus is one object of a claim.
type ObjectStatus struct {
	Object    string    `json:"object"` // the command that makes it
	Condition Condition `json:"condition"`
	Have      string    `json:"have,omitempty"` // for Differs, what is there instead
}

// ConnStatus is the state of one conn.
type ConnStatus struct {
	Name      string          `json:"name"`
	Condition Condition       `json:"condition"`
	Owner     string          `json:"owner,omitempty"`
	Link      string          `json:"link"`                  // "" when it is policy-based
	Wished    string          `json:"wished_link,omitempty"` // the configured name, where the link has another
	IfID      uint32          `json:"if_id"`
	VRF       string          `json:"vrf,omitempty"`
	Netns     string          `json:"netns,omitempty"` // network namespace of the link, "" for that of ipsecif
	Peer      string          `json:"peer,omitempty"`
	Scheme    routing.Scheme  `json:"scheme,omitempty"`
	OnLoss    plan.OnLoss     `json:"on_loss,omitempty"`
	MTU       *plan.TunnelMTU `json:"mtu,omitempty"` // with link-mtu=auto, how it is computed
	Problems  []string        `json:"problems,omitempty"`
	Warnings  []string        `json:"warnings,omitempty"`
	Objects   []ObjectStatus  `json:"objects,omitempty"`
	// Bypass has the routes of main that win over the conn's default route, and
	// the rules of others that come before its own.
	Bypass []string `json:"bypass,omitempty"`
}

// Status is the state of a host.
type Status struct {
	Conns     []ConnStatus   `json:"conns"`
	Leftovers []ObjectStatus `json:"leftovers,omitempty"`
	// Displaced has the commands that make the routes and rules of others that
	// are put back when their places are free again.
	Displaced []string `json:"displaced,omitempty"`
	// Drift has all that differs, for those who want to know nothing else.
	Drift []Difference `json:"-"`
}

// Differs reports whether anything is not as the claims ask.
func (s Status) Differs() bool { return len(s.Drift) > 0 }

// Status compares the kernel with all claims, and if the configuration is known
// to be complete, claims with its conns. It changes nothing.
func (e *Engine) Status(conns []conn.Conn, complete bool) (Status, error) {
	claims, saved, err := e.Store.All()
	if err != nil {
		return Status{}, err
	}
	managed := e.managed(claims)
	_, managed, have, err := e.observeAll(query(managed, claims, saved, conns, e.Names), managed)
	if err != nil {
		return Status{}, err
	}
	saved = have.Facts.Present(saved)
	facts := e.complete(have, saved)
	want, problems := plan.Compile(claims, facts)
	diff := plan.Diff(want, have.State, plan.Context{Managed: managed, Saved: saved, Indexes: facts.Indexes})
	want = want.On(have.State, managed)
	v := newViewer(want, have.State, managed)
	v.facts, v.diff, v.problems = facts, diff, problems
	s := Status{Conns: []ConnStatus{}, Displaced: displaced(saved)}
	inConf, claimed := map[string]*conn.Conn{}, map[string]bool{}
	for i := range conns {
		inConf[conns[i].Name] = &conns[i]
	}
	for _, c := range claims {
		claimed[hook.ConnOf(c.Name)] = true
		status := v.claim(c)
		if text := v.changed(c, inConf[c.Name]); complete && text != "" && (status.Condition == InSync || status.Condition == Waiting) {
			status.Condition = Drift
			status.Problems = append(status.Problems, text)
			s.Drift = append(s.Drift, Difference{Condition: Drift, Conns: []string{c.Name}, Problem: text})
		}
		s.Conns = append(s.Conns, status)
	}
	for i := range conns {
		c := &conns[i]
		if c.Link() != "" && !claimed[c.Name] {
			s.Conns = append(s.Conns, ConnStatus{Name: c.Name, Condition: Down, Link: c.Link(), IfID: c.Interface.IfID})
		}
	}
	slices.SortFunc(s.Conns, func(a, b ConnStatus) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range problems {
		s.Drift = append(s.Drift, Difference{Condition: Blocked, Conns: []string{p.Claim}, Problem: p.Text})
	}
	var leftovers []plan.Object
	for _, op := range diff.Ops {
		if op.Verb != plan.Del || want.Has(op.Object) || !managed.Owns(op.Object) || have.State.Uses(op.Object) || have.State[op.Object.Key()] == nil {
			continue // the last one is there for a moment only, while something else goes
		}
		if have.State[op.Object.Key()] == nil {
			continue // a guard for the time of the change
		}
		leftovers = append(leftovers, op.Object)
		if len(want.WithdrawnFor(op.Object)) == 0 {
			s.Leftovers = append(s.Leftovers, ObjectStatus{Object: madeBy(op.Object), Condition: Leftover})
		}
	}
	s.Drift = append(s.Drift, v.differences(leftovers)...)
	return s, nil
}

// displaced returns what is to be put back.
func displaced(saved []plan.Saved) []string {
	var commands []string
	for _, s := range saved {
		if s.Kind == plan.SavedForeign {
			commands = append(commands, madeBy(plan.Inside(s.Netns, s.Object())))
		}
	}
	return commands
}

// viewer renders the comparison for one claim after the other.
type viewer struct {
	want     plan.Want
	owned    map[string][]plan.Object // what each claim wants
	have     plan.State
	facts    plan.Facts
	managed  plan.Managed
	diff     plan.Plan
	problems []plan.Problem
	families map[routing.Table]map[routing.Family]bool // of the rules that look a table up
	rules    []routing.Rule                            // of others, in order
	routes   []routing.Route                           // of main, not ours, but for default routes
}

func newViewer(want plan.Want, have plan.State, managed plan.Managed) viewer {
	v := viewer{want: want, owned: want.ByOwner(), have: have, managed: managed, families: map[routing.Table]map[routing.Family]bool{}}
	for _, o := range want.State {
		if r, ok := o.(routing.Rule); ok {
			if v.families[r.Table] == nil {
				v.families[r.Table] = map[routing.Family]bool{}
			}
			v.families[r.Table][r.Family] = true
		}
	}
	for _, o := range have.Sorted() {
		switch o := o.(type) {
		case routing.Rule:
			if o.Priority > 0 && !managed.MadeFor(o, nil) {
				v.rules = append(v.rules, o)
			}
		case routing.Route:
			if o.Table == routing.TableMain && o.Dst.Bits() > 0 && !managed.Owns(o) {
				v.routes = append(v.routes, o)
			}
		}
	}
	return v
}

func (v viewer) claim(c plan.Claim) ConnStatus {
	t := c.Tunnel
	s := ConnStatus{
		Name: c.Name, Condition: InSync, Owner: c.Owner, Link: v.facts.LinkOf(t), IfID: uint32(t.IfID),
		VRF: t.VRF, Netns: t.Netns, Scheme: t.Scheme, OnLoss: t.OnLoss, Peer: "any",
	}
	if s.Link != t.Link {
		s.Wished = t.Link
	}
	if t.Peer.IsValid() {
		s.Peer = t.Peer.String()
	}
	if m, ok := v.want.MTU(t, s.Link); ok && t.LinkMTU.Auto {
		s.MTU = &m
	}
	for _, o := range v.owned[c.Name] {
		status := v.object(o)
		if status.Condition == Missing || status.Condition == Differs {
			s.Condition = Drift
		}
		s.Objects = append(s.Objects, status)
	}
	for _, p := range v.problems {
		if p.Claim == c.Name {
			s.Condition = Blocked
			s.Problems = append(s.Problems, p.Text)
		}
	}
	for _, conflict := range v.diff.Conflicts {
		if slices.Contains(conflict.Owners, c.Name) {
			s.Condition = Blocked
			s.Problems = append(s.Problems, conflict.Text)
		}
	}
	for _, w := range v.diff.Warnings {
		if slices.Contains(w.Owners, c.Name) {
			s.Warnings = append(s.Warnings, w.Text)
		}
	}
	for _, c := range v.diff.Displaces {
		if slices.Contains(c.Owners, s.Name) && s.Condition == InSync {
			s.Condition = Drift
		}
	}
	v.withdrawn(c, &s)
	if t.Filters() && v.facts.NoFilter {
		s.Warnings = append(s.Warnings, "what nftables have for the conn can only be read with privilege, and is not compared")
	}
	if t.Netns == "" {
		s.Bypass = append(v.rulesBefore(t), v.bypass(t)...)
	}
	return s
}

// withdrawn adds the routes of a claim that are there only with an SA, of which
// there is none.
func (v viewer) withdrawn(c plan.Claim, s *ConnStatus) {
	if c.Tunnel.Withdraws() && v.facts.NoSAs {
		s.Warnings = append(s.Warnings, "whether the conn has an SA, and so routes, can only be read with privilege")
	}
	keys := v.want.WithdrawnOf(c.Name)
	if len(keys) > 0 && s.Condition == InSync {
		s.Condition = Waiting
	}
	for _, key := range keys {
		if o := v.have[key]; o != nil && v.managed.Owns(o) && !v.want.Has(o) {
			s.Objects = append(s.Objects, ObjectStatus{Object: madeBy(o), Condition: Leftover})
			if s.Condition == Waiting {
				s.Condition = Drift
			}
		}
	}
}

// changed says how the configuration differs from what is claimed.
func (v viewer) changed(c plan.Claim, inConf *conn.Conn) string {
	if c.Owner != Admin {
		return ""
	}
	if inConf == nil {
		return fmt.Sprintf("the conn is not in the configuration any more, or without an interface there; `ipsecif down %s` takes it away", c.Name)
	}
	tunnel, problems := plan.Resolve(inConf, v.facts)
	if problems.Err() == nil && !reflect.DeepEqual(tunnel, c.Tunnel) {
		return fmt.Sprintf("the configuration has changed since; `ipsecif up %s` applies it", c.Name)
	}
	return ""
}

func (v viewer) object(o plan.Object) ObjectStatus {
	s := ObjectStatus{Object: madeBy(o), Condition: Present}
	have := v.have[o.Key()]
	switch {
	case have == nil:
		s.Condition = Missing
	case v.isLower(o, have):
		s.Condition, s.Have = Lower, have.String()
	case !plan.Same(o, have):
		s.Condition, s.Have = Differs, have.String()
	case !v.managed.Owns(have) && v.managed.MadeFor(o, nil):
		s.Condition = Adopted
	}
	return s
}

// isLower reports whether a computed MTU or MSS is larger than what is there:
// as long as that was computed before the SAs were known. No packet is lost for
// it, so it is no reason for alarm; the next `up` raises it.
func (v viewer) isLower(want, have plan.Object) bool {
	netns, want := plan.Where(want)
	_, have = plan.Where(have)
	if w, ok := want.(xfrmi.Clamp); ok {
		h := have.(xfrmi.Clamp).MSS
		return v.want.IsComputed(w) && h.V4 <= w.MSS.V4 && h.V6 <= w.MSS.V6 && h != w.MSS
	}
	w, ok := want.(xfrmi.Attr)
	if !ok || w.Name != xfrmi.AttrMTU {
		return false
	}
	m, _ := v.want.MTU(plan.Tunnel{Netns: netns}, w.Link)
	n, err := strconv.Atoi(have.(xfrmi.Attr).Value)
	return err == nil && m.Path != 0 && n < m.Bytes
}

// madeBy returns the command that makes an object.
func madeBy(o plan.Object) string { return plan.Making(o).String() }

// rulesBefore returns the rules of others that are looked at before those of
// the tunnel. What they do to its packets is not known here.
func (v viewer) rulesBefore(t plan.Tunnel) []string {
	var lines []string
	for _, r := range v.rules {
		if v.families[t.Table][r.Family] && r.Priority < t.Priority {
			lines = append(lines, "rule "+r.Family.Flag()+" "+r.String())
		}
	}
	return lines
}

// bypass returns the routes of main that win over the tunnel's default route,
// or the two halves of it.
func (v viewer) bypass(t plan.Tunnel) []string {
	if !t.LocalLAN || t.VRF != "" {
		return nil
	}
	var lines []string
	link := v.facts.LinkOf(t)
	for _, r := range v.routes {
		if r.Dev == link {
			continue
		}
		if slices.ContainsFunc(t.Pairs, func(p plan.Pair) bool {
			return p.Theirs.Bits() == 0 && p.Theirs.Addr().Is4() == r.Dst.Addr().Is4()
		}) {
			lines = append(lines, r.String())
		}
	}
	return lines
}

// Only returns the state of the named conns alone.
func (s Status) Only(names []string) Status {
	only := Status{Conns: []ConnStatus{}}
	for _, c := range s.Conns {
		if slices.Contains(names, c.Name) {
			only.Conns = append(only.Conns, c)
		}
	}
	for _, d := range s.Drift {
		if slices.ContainsFunc(d.Conns, func(c string) bool { return slices.Contains(names, c) }) {
			only.Drift = append(only.Drift, d)
		}
	}
	return only
}
