package firewall

import (
	"net/netip"
	"slices"
	"strings"
)

// Object is one of the values of this package that stand for something in
// nftables: a Place, Set, Chain, Entry, Jump or Base.
type Object interface {
	Key() string
	String() string
	inNftables()
}

func (Place) inNftables() {}
func (Set) inNftables()   {}
func (Chain) inNftables() {}
func (Entry) inNftables() {}
func (Jump) inNftables()  {}
func (Base) inNftables()  {}

// Candidates returns the objects that a command in the notation of nft(8) may
// be about, given its words. Which of them it is, if any, is found by printing.
func Candidates(words []string) []Object {
	const verb, kind, family, table, name = 0, 1, 2, 3, 4
	objects := []Object{LogPlace, CATPlace}
	if len(words) <= name {
		return objects
	}
	if strings.HasSuffix(words[table], ";") { // a base chain comes after its table
		return append(objects, Candidates(words[name:])...)
	}
	words = slices.Clone(words)
	for i, w := range words {
		words[i] = strings.Trim(w, `";'`)
	}
	t := Table{words[family], words[table]}
	for _, p := range append(PlacesIn(t), LogPlace, CATPlace) {
		objects = append(objects, p, Jump{p, words[name]})
		if c, ok := ParseChain(p, words[name]); ok {
			objects = append(objects, c)
		}
		for _, w := range words[name:] {
			if s, ok := ParseSet(p, strings.TrimPrefix(w, "@")); ok {
				idle := s
				idle.Idle = true
				objects = append(objects, s, idle)
				objects = append(objects, s.entries(words[name:])...)
			}
		}
	}
	for _, hook := range []string{"input", "forward", "output"} {
		objects = append(objects, Base{t, words[name], hook})
	}
	return objects
}

// entries returns the entries of the set that a command may be about, given its
// words from NAME { LINK . THEIRS . OURS [: jump CHAIN] } on.
func (s Set) entries(words []string) []Object {
	const link, theirs, ours, chain = 2, 4, 6, 9
	if len(words) <= ours {
		return nil
	}
	e := Entry{Place: s.Place, Direction: s.Direction, Link: words[link]}
	a, err1 := netip.ParseAddr(words[theirs])
	b, err2 := netip.ParseAddr(words[ours])
	if err1 != nil || err2 != nil {
		return nil
	}
	e.Theirs, e.Ours = netip.PrefixFrom(a, s.Theirs), netip.PrefixFrom(b, s.Ours)
	objects := []Object{e}
	for _, w := range words[min(chain, len(words)):] {
		if c, ok := ParseChain(s.Place, w); ok {
			e.Action = c.Action
			objects = append(objects, e)
		}
	}
	return objects
}
