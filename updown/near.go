package updown

import (
	"errors"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/sys/unix"
)

// A run for few conns reads only what is near them: their links, the rules, and
// of the claims of others one for each thing that both want. So it costs the
// same whatever else is up. It relies on two things: the claims say what others
// want, and the kernel refuses to make what is there and to delete what is not.

// errLookFurther means that what is near does not suffice.
var errLookFurther = errors.New("everything has to be read")

// few is how many conns at a time are served from what is near them.
const few = 16

// surprised reports whether an operation has failed because the kernel's state
// is not what a limited view made of it.
func (r *run) surprised(err error) bool {
	if r.query.Near == nil {
		return false
	}
	return isSurprise(err)
}

// isSurprise reports whether what was to be made is there, or what was to be
// deleted is not.
func isSurprise(err error) bool {
	return slices.ContainsFunc([]error{unix.EEXIST, unix.ENOENT, unix.ESRCH, unix.ENODEV, unix.EADDRNOTAVAIL, unix.ENETDOWN, unix.EBUSY},
		func(number error) bool { return errors.Is(err, number) })
}

// prepareNear is prepare from what is near. The error is errLookFurther when
// that is not enough.
func (e *Engine) prepareNear(t task) (r run, err error) {
	names := changing(t)
	enclosed := func(c conn.Conn) bool { return c.VRF != "" || c.Netns != "" }
	if len(names) == 0 || len(names) > few || t.adopt || slices.ContainsFunc(t.conns, byPlace) || slices.ContainsFunc(t.conns, enclosed) || slices.ContainsFunc(t.conns, coversItself) {
		return r, errLookFurther
	}
	err = e.Store.Read(func(store *claim.Reader) error {
		n := nearRun{Engine: e, store: store, names: names}
		r, err = n.prepare(t)
		return err
	})
	return r, err
}

// changing returns the names of the claims that are to change.
func changing(t task) map[string]bool {
	names := map[string]bool{}
	for i := range t.conns {
		names[t.conns[i].Name] = true
	}
	for _, c := range t.lower {
		names[c.Name] = true
	}
	for _, name := range slices.Concat(t.drop, t.repair) {
		names[name] = true
	}
	return names
}

// byPlace reports whether an end of a conn is not given by its address, so that
// its orientation depends on names, or on the devices and routes of the host.
func byPlace(c conn.Conn) bool {
	for _, h := range []conn.Host{c.Left.Host, c.Right.Host} {
		if h.Kind != conn.HostAddr && h.Kind != conn.HostAny {
			return true
		}
	}
	return false
}

// nearRun prepares a run from what is near.
type nearRun struct {
	*Engine
	store *claim.Reader
	names map[string]bool // of the claims that are to change
	run   run
}

func (n *nearRun) prepare(t task) (run, error) {
	r := &n.run
	conns, drop := t.conns, t.drop
	r.task, r.scope = t, plan.NewScope()
	if !n.store.Whole() {
		return *r, errLookFurther // links without their claims may share what is to go
	}
	var err error
	if r.saved, err = n.store.Saved(); err != nil {
		return *r, err
	}
	// Whether a displaced object can be put back depends on what others have.
	if slices.ContainsFunc(r.saved, func(s plan.Saved) bool { return s.Kind == plan.SavedForeign || s.Netns != "" }) {
		return *r, errLookFurther
	}
	before, err := n.before(drop)
	if err != nil {
		return *r, err
	}
	if slices.ContainsFunc(before, hidesItsHop) {
		return *r, errLookFurther
	}
	if r.managed, err = n.places(before, conns); err != nil {
		return *r, err
	}
	r.lower = append(r.lower, toRepair(before, r.repair)...)
	r.query = n.query(before, conns)
	r.askFor(before)
	if r.have, err = n.Kernel.Observe(r.query); err != nil {
		return *r, err
	}
	stored := r.saved
	r.saved = r.have.Facts.Present(stored)
	if !slices.Equal(stored, r.saved) {
		return *r, errLookFurther // the claims know what they want by its old name
	}
	facts := n.facts()
	unresolved := r.resolve(facts)
	r.askFor(r.added)
	r.sort(before, drop)
	others, err := n.others(before, facts)
	if err != nil {
		return *r, err
	}
	if facts, err = n.look(others); err != nil {
		return *r, err
	}
	old, _ := plan.Compile(before, facts)
	if drop == nil && r.unseen(old.State) || lost(before, old.Keys()) {
		return *r, errLookFurther
	}
	r.assume(old.State, r.have.State)
	r.claims = append(others, r.added...)
	if dependOnMain(slices.Concat(before, r.claims)) {
		return *r, errLookFurther
	}
	want, problems := plan.Compile(r.claims, facts)
	n.limit(before, want)
	// What stands in the way is told by somebody who has seen everything.
	if unresolved != nil || r.compare(want, problems) != nil || !n.sufficient(before) || r.takesRoutes() || r.leavesSets() || lost(others, r.wants) || wait(others) || len(r.plan.Displaces) > 0 {
		return *r, errLookFurther
	}
	r.refresh = nil
	return *r, nil
}

// before returns the claims that are to change, as they are. An interrupted
// change, a claim to be given up that is not there, and one in a VRF or another
// network namespace, need a look at everything.
func (n *nearRun) before(drop []string) ([]plan.Claim, error) {
	var before []plan.Claim
	for name := range n.names {
		c, ok, err := n.store.Claim(name)
		switch {
		case err != nil:
			return nil, err
		case !ok && drop != nil, ok && c.Unfinished, ok && (c.Tunnel.VRF != "" || c.Tunnel.Netns != ""):
			return nil, errLookFurther
		case ok:
			before = append(before, c)
		}
	}
	return before, nil
}

// places returns those of the configuration and of all claims.
func (n *nearRun) places(before []plan.Claim, conns []conn.Conn) (plan.Managed, error) {
	places := n.managed(before)
	for i := range conns {
		places = append(places, plan.PlacesOf(&conns[i])...)
	}
	for _, use := range n.store.Wanted(plan.PlacePrefix) {
		p, err := plan.ParsePlace(use)
		if err != nil {
			return nil, errLookFurther
		}
		places = append(places, p)
	}
	slices.SortFunc(places, plan.ComparePlaces)
	return slices.Compact(places), nil
}

func (n *nearRun) facts() plan.Facts { return n.complete(n.run.have, n.run.saved) }

// others returns claims of others: for everything that the changing ones want
// or wanted, one that wants it too, and those that could be in their way.
func (n *nearRun) others(before []plan.Claim, facts plan.Facts) ([]plan.Claim, error) {
	r := &n.run
	alone, _ := plan.Compile(r.added, facts)
	wants := alone.Keys()
	found := map[string]bool{}
	find := func(what string) {
		if name, ok := n.store.Wants(what, n.names); ok {
			found[name] = true
		}
	}
	for _, c := range r.added {
		for _, what := range slices.Concat(wants[c.Name], c.Tunnel.Uses()) {
			find(what)
		}
		n.inTheWay(c.Tunnel, found, find)
	}
	for _, c := range before {
		for _, what := range c.Wants {
			find(what)
		}
	}
	for _, place := range r.managed {
		for _, use := range place.Uses() {
			find(use)
		}
	}
	var others []plan.Claim
	for name := range found {
		c, ok, err := n.store.Claim(name)
		if err != nil {
			return nil, err
		}
		if !ok || c.Unfinished && !n.Store.Underway() || c.Tunnel.Netns != "" {
			return nil, errLookFurther
		}
		others = append(others, c)
	}
	slices.SortFunc(others, byName)
	return others, nil
}

// dependOnMain reports whether the default route of main decides what claims
// want, or the marks of all claims whether they can be up together: where some
// have their routes in main and others lead what has a mark there.
func dependOnMain(claims []plan.Claim) bool {
	inMain, elsewhere := false, false
	for _, c := range claims {
		switch t := c.Tunnel; {
		case t.Scheme == routing.MarkUnderlay:
			return true
		case t.Scheme.InMain():
			inMain = true
		case !t.PolicyBased:
			elsewhere = true
		}
	}
	return inMain && elsewhere
}

// inTheWay finds those whose net has the peer in it, those whose peer is in a
// net of the tunnel, those with a net that an address of the other has, and
// those routed by source for the same packets. Of those with one peer whose ESP
// escapes in the same way one is enough; nets are shared by few.
func (n *nearRun) inTheWay(t plan.Tunnel, found map[string]bool, find func(string)) {
	uses := t.UsesOfLinkNets()
	if t.Peer.IsValid() {
		uses = append(uses, plan.UsesOfNetsWith(t.Peer)...)
	}
	for _, use := range uses {
		for name := range n.store.Wanting(use) {
			if !n.names[name] {
				found[name] = true
			}
		}
	}
	for _, p := range t.Pairs {
		find(plan.UseOfLinkNet(p.Theirs))
		for _, use := range n.store.Wanted(plan.PeersPrefix(p.Theirs)) {
			find(use)
		}
		if !t.BySource {
			continue
		}
		for _, prefix := range plan.SourcedNear(p) {
			for _, use := range n.store.Wanted(prefix) {
				if plan.IsSourcedNear(use, p) {
					find(use)
				}
			}
		}
	}
}

// limit limits the run to the objects of the claims that change. Whether their
// proxy entries are there is asked for by name from now on.
func (n *nearRun) limit(before []plan.Claim, want plan.Want) {
	r := &n.run
	r.index(want)
	r.scope.Limit(nil)
	for _, c := range slices.Concat(before, r.added) {
		r.scope.Limit(c.Wants)
		r.query.Near.Neighs = unique(append(r.query.Near.Neighs, plan.ProxiesIn(append(want.WithdrawnOf(c.Name), c.Wants...))...))
	}
}

// sufficient reports whether what was read is enough to judge. It is not where
// another way to a peer must be found than the kernel's answer, where there is a
// route to the same destination, where others share a link whose size or SAs
// matter, where a link of
// claims has gone or has changed, so that all of them need repair, where nobody
// claims what a link of ours has, where a route to a peer may need repair
// that is on no link of ours, where an address on loopback may be one that
// others have put there, where others hide on which net an address is, where a
// route of a tunnel without a device is in the way of what is asked, where a guard
// is added and others may have one there, where one goes with a link that somebody
// else made and may be theirs, too, where a source has to serve others, and where
// others have a route to a peer.
func (n *nearRun) sufficient(before []plan.Claim) bool {
	r := &n.run
	for _, l := range r.have.Facts.Locals.Addrs {
		if l.Dev == "lo" && !slices.Contains(r.query.Near.Links, l.Dev) && !slices.Contains(r.query.Near.Shared, l.Dev) {
			return false
		}
	}
	for _, p := range r.have.Facts.Paths {
		if l, _ := r.link(p.Dev); l.IsTunnel() {
			return false
		}
	}
	if n.sharesSources(before) {
		return false
	}
	for _, c := range slices.Concat(before, r.added) {
		if n.sharesSizes(c.Tunnel) || n.sharesSAs(c.Tunnel) {
			return false
		}
	}
	for _, c := range slices.Concat(before, r.claims) {
		for _, q := range c.Tunnel.PathQueries() {
			if r.have.Facts.Paths[q].Dev == "" {
				return false // the guard of a tunnel may be in the way
			}
		}
	}
	if n.hidden(before) || n.coveredByPolicy(slices.Concat(before, r.claims[:len(r.claims)-len(r.added)], r.added)) {
		return false
	}
	for _, c := range r.added {
		_, claimed := named(before, c.Name)
		for _, p := range c.Tunnel.Pairs {
			if !claimed && !c.Tunnel.PolicyBased && slices.Contains(r.have.Facts.Routed, p.Theirs) {
				return false
			}
		}
	}
	for _, c := range before {
		if c.Tunnel.PolicyBased {
			continue
		}
		l, _ := r.link(c.Tunnel.Link)
		known := slices.Contains(c.Wants, xfrmi.Link{Name: c.Tunnel.Link}.Key()) && (r.drop == nil || r.managed.Owns(l))
		if !known || !r.serves(c.Tunnel) || c.Tunnel.Scheme == routing.Underlay && r.drop == nil {
			return false
		}
	}
	for _, c := range r.added {
		l, _ := r.link(c.Tunnel.Link)
		_, claimed := named(before, c.Name)
		_, shared := n.store.Wants(c.Tunnel.LinkUse(), nil)
		if !claimed && !c.Tunnel.PolicyBased && (shared && !r.serves(c.Tunnel) || !shared && r.managed.Owns(l)) {
			return false
		}
	}
	return !slices.ContainsFunc(r.plan.Ops, func(op plan.Op) bool {
		if n.pinsForOthers(op) {
			return true
		}
		a, isAttr := op.Object.(xfrmi.Attr)
		_, isLink := op.Object.(xfrmi.Link)
		_, there := r.link(a.Link)
		route, _ := op.Object.(routing.Route)
		guards := route.Type == routing.Unreachable && op.Verb == plan.Add
		return isAttr && there || isLink && op.Verb == plan.Del && r.drop == nil || guards && r.drop != nil
	})
}

func byName(a, b plan.Claim) int {
	if a.Name < b.Name {
		return -1
	}
	return 1
}
