package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"golang.org/x/sys/unix"
)

// filters adds what nftables has of ours, as far as it is asked for.
func (k *Kernel) filters(o *plan.Observation, q plan.Query) error {
	if !q.Clamps && q.Firewall.Places == nil && !q.Firewall.All {
		return nil
	}
	err := k.withNft(func(c *nftables.Conn) error { return readFilters(c, o.State, q) })
	switch {
	case errors.Is(err, unix.EPERM):
		o.Facts.NoFilter = true
		return nil
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EINVAL):
		return nil // a kernel without nftables
	case err != nil:
		return fmt.Errorf("reading nftables: %w", err)
	}
	return nil
}

// filterReader reads the tables of nftables that matter.
type filterReader struct {
	*nftables.Conn
	state  plan.State
	chains map[nftables.TableFamily][]*nftables.Chain
	sets   map[firewall.Table][]*nftables.Set
	// entries has those that a limited query asks for; nil for all.
	entries []firewall.Entry
	limited bool
}

func readFilters(c *nftables.Conn, s plan.State, q plan.Query) error {
	r := filterReader{
		Conn: c, state: s, chains: map[nftables.TableFamily][]*nftables.Chain{}, sets: map[firewall.Table][]*nftables.Set{},
		entries: q.Firewall.Entries, limited: q.Near != nil,
	}
	places := slices.Clone(q.Firewall.Places)
	if q.Clamps {
		ours, err := r.ourTables()
		if err != nil {
			return err
		}
		places = append(places, ours...)
	}
	if q.Firewall.All {
		found, err := r.everywhere()
		if err != nil {
			return err
		}
		places = append(places, found...)
	}
	read := map[firewall.Place]bool{}
	for _, p := range places {
		if read[p] {
			continue
		}
		read[p] = true
		if err := r.place(p); err != nil {
			return err
		}
	}
	return nil
}

// ourTables reads the table of the clamp, and returns the places that are tables
// of ours.
func (r *filterReader) ourTables() ([]firewall.Place, error) {
	tables, err := r.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, err
	}
	var places []firewall.Place
	for _, t := range tables {
		if t.Name == xfrmi.NftTable {
			if err := readTable(r.Conn, r.state); err != nil {
				return nil, err
			}
		}
		for _, p := range []firewall.Place{firewall.LogPlace, firewall.CATPlace} {
			if p.Table.Name == t.Name && !r.limited {
				places = append(places, p)
			}
		}
	}
	return places, nil
}

// everywhere returns the places in all tables of the admin's, among them those of
// which only sets are left.
func (r *filterReader) everywhere() ([]firewall.Place, error) {
	tables, err := r.ListTables()
	if err != nil {
		return nil, err
	}
	var places []firewall.Place
	for _, t := range tables {
		for family, number := range nftFamilies {
			if t.Family != number {
				continue
			}
			found, err := r.placesIn(firewall.Table{Family: family, Name: t.Name})
			if err != nil {
				return nil, err
			}
			places = append(places, found...)
		}
	}
	return places, nil
}

// placesIn returns those places in a table of which something is there.
func (r *filterReader) placesIn(t firewall.Table) ([]firewall.Place, error) {
	chains, err := r.chainsIn(t)
	if err != nil {
		return nil, err
	}
	sets, err := r.setsOf(t)
	if err != nil {
		return nil, err
	}
	var places []firewall.Place
	for _, p := range firewall.PlacesIn(t) {
		ours := func(s *nftables.Set) bool { _, ok := firewall.ParseSet(p, s.Name); return ok }
		if chains[p.Chain()] != nil || slices.ContainsFunc(sets, ours) {
			places = append(places, p)
		}
	}
	return places, nil
}

// chainsIn returns the chains of a table by name.
func (r *filterReader) chainsIn(t firewall.Table) (map[string]*nftables.Chain, error) {
	all, err := r.chainsOf(nftFamilies[t.Family])
	chains := map[string]*nftables.Chain{}
	for _, chain := range all {
		if chain.Table.Name == t.Name {
			chains[chain.Name] = chain
		}
	}
	return chains, err
}

// setsOf returns the sets of a table, which are read once.
func (r *filterReader) setsOf(t firewall.Table) ([]*nftables.Set, error) {
	if sets, ok := r.sets[t]; ok {
		return sets, nil
	}
	sets, err := r.GetSets(nftTableOf(t))
	r.sets[t] = sets
	return sets, err
}

// chainsOf returns the chains of all tables of a family, which are read once.
func (r *filterReader) chainsOf(family nftables.TableFamily) ([]*nftables.Chain, error) {
	if chains, ok := r.chains[family]; ok {
		return chains, nil
	}
	chains, err := r.ListChainsOfTableFamily(family)
	r.chains[family] = chains
	return chains, err
}

// place reads what a place has.
func (r *filterReader) place(p firewall.Place) error {
	chains, err := r.chainsIn(p.Table)
	if err != nil {
		return err
	}
	if len(chains) == 0 {
		if there, err := r.hasTable(p.Table); err != nil || !there {
			return err
		}
	}
	there := true
	rules := map[string][]*nftables.Rule{}
	for _, name := range p.RuleChains() {
		if chains[name] == nil || p.IsTable() && !isOwnBase(p, chains[name]) {
			there = false
		} else if rules[name], err = rulesOf(r.Conn, nftChainOf(p.Table, name)); err != nil {
			return err
		}
	}
	if !p.IsTable() {
		if err := r.jumps(p, chains); err != nil {
			return err
		}
	}
	if there {
		r.state.Put(p)
	}
	for name := range chains {
		if chain, ok := firewall.ParseChain(p, name); ok {
			if err := r.action(chain); err != nil {
				return err
			}
		}
	}
	return r.setsIn(p, rules)
}

// hasTable reports whether there is a table.
func (r *filterReader) hasTable(t firewall.Table) (bool, error) {
	tables, err := r.ListTablesOfFamily(nftFamilies[t.Family])
	return slices.ContainsFunc(tables, func(found *nftables.Table) bool { return found.Name == t.Name }), err
}

// isOwnBase reports whether a chain is a base chain as a place of ours has it.
func isOwnBase(p firewall.Place, chain *nftables.Chain) bool {
	for _, b := range p.Bases() {
		want := nftBaseOf(p.Table, b)
		if chain.Name == b.Name && chain.Type == want.Type && chain.Hooknum != nil && *chain.Hooknum == *want.Hooknum &&
			chain.Priority != nil && *chain.Priority == *want.Priority && chain.Policy != nil && *chain.Policy == *want.Policy {
			return true
		}
	}
	return false
}

// jumps adds the base chains of the admin's that lead to a place, and the rules
// by which they do.
func (r *filterReader) jumps(p firewall.Place, chains map[string]*nftables.Chain) error {
	for name, chain := range chains {
		for _, hook := range p.Hooks() {
			if chain.Type != nftables.ChainTypeFilter || chain.Hooknum == nil || *chain.Hooknum != *nftHooks[hook] {
				continue
			}
			r.state.Put(firewall.Base{Table: p.Table, Chain: name, Hook: hook})
			rules, err := rulesOf(r.Conn, nftChainOf(p.Table, name))
			if err != nil {
				return err
			}
			if slices.ContainsFunc(rules, func(rule *nftables.Rule) bool { return jumpsTo(rule, p.Chain()) }) {
				r.state.Put(firewall.Jump{Place: p, Chain: name})
			}
		}
	}
	return nil
}

// action adds a chain of ours that does what its name says.
func (r *filterReader) action(chain firewall.Chain) error {
	rules, err := rulesOf(r.Conn, nftChainOf(chain.Place.Table, chain.Name()))
	if err == nil && hasRules(rules, actionRule(chain.Action)) {
		r.state.Put(chain)
	}
	return err
}

// setsIn adds the sets of a place and what is in them.
func (r *filterReader) setsIn(p firewall.Place, rules map[string][]*nftables.Rule) error {
	all, err := r.setsOf(p.Table)
	if err != nil {
		return err
	}
	for _, found := range all {
		set, ok := firewall.ParseSet(p, found.Name)
		if !ok || !found.IsMap {
			continue
		}
		set.Idle = !isLookedInto(set, rules)
		r.state.Put(set)
		if err := r.entriesOf(set); err != nil {
			return err
		}
	}
	return nil
}

// isLookedInto reports whether the rules of a set are there.
func isLookedInto(set firewall.Set, rules map[string][]*nftables.Rule) bool {
	for _, d := range set.Directions() {
		want := [][]expr.Any{setRule(set, d)}
		has := func(rule *nftables.Rule) bool { return hasRules([]*nftables.Rule{rule}, want...) }
		if !slices.ContainsFunc(rules[set.Chain(d)], has) {
			return false
		}
	}
	return true
}

// entriesOf adds the elements of a set, or those asked for.
func (r *filterReader) entriesOf(set firewall.Set) error {
	if r.limited {
		return r.single(set)
	}
	elements, err := r.GetSetElements(nftSetOf(set))
	if err != nil {
		return err
	}
	for _, element := range elements {
		if e, ok := parseEntry(set, element.Key, element.Val); ok {
			r.state.Put(e)
		}
	}
	return nil
}

// parseEntry reads an element of a set from its key and its verdict.
func parseEntry(set firewall.Set, key, verdict []byte) (firewall.Entry, bool) {
	e := firewall.Entry{Place: set.Place, Direction: set.Direction}
	size := 4
	if set.IPv6 {
		size = 16
	}
	if len(key) != ifNameBytes+2*size {
		return e, false
	}
	e.Link = text(key[:ifNameBytes])
	theirs, ours := address(key[ifNameBytes:ifNameBytes+size]), address(key[ifNameBytes+size:])
	e.Theirs, e.Ours = netip.PrefixFrom(theirs, set.Theirs), netip.PrefixFrom(ours, set.Ours)
	if !set.Place.IsTable() {
		return e, accepts(verdict)
	}
	name, jumps := jumpTarget(verdict)
	chain, ok := firewall.ParseChain(set.Place, name)
	e.Action = chain.Action
	return e, ok && jumps
}

// rulesOf returns the rules of a chain.
func rulesOf(c *nftables.Conn, chain *nftables.Chain) ([]*nftables.Rule, error) {
	return c.GetRules(chain.Table, chain)
}
