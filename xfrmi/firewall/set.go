package firewall

import (
	"fmt"
	"net/netip"
	"strings"
)

// Direction is that of packets through a tunnel. The zero value means both.
type Direction string

// The directions.
const (
	Out Direction = out // into the tunnel
	In  Direction = in  // out of the tunnel, to this host or through it
)

// Set has the elements of one place for packets of some directions, of one
// family, with their addresses cut to some lengths. It is a map to verdicts, even
// where all packets are accepted: iptables-nft shows a rule without what it does
// not know, and one that accepts would accept everything when it is restored.
type Set struct {
	Place        Place
	Direction    Direction
	IPv6         bool
	Theirs, Ours int // prefix lengths
	// Idle says that a rule of the set is missing, or the chain for it.
	Idle bool
}

// Directions returns those that the rules of the set are for.
func (s Set) Directions() []Direction {
	if s.Direction == "" {
		return []Direction{In, Out}
	}
	return []Direction{s.Direction}
}

// Chain returns the name of the chain that has the rule for a direction.
func (s Set) Chain(d Direction) string {
	if s.Place.IsTable() {
		return string(d)
	}
	return s.Place.Chain()
}

// Chains returns the names of the chains that have the rules, each once.
func (s Set) Chains() []string {
	if !s.Place.IsTable() {
		return []string{s.Place.Chain()}
	}
	var names []string
	for _, d := range s.Directions() {
		names = append(names, s.Chain(d))
	}
	return names
}

// natWords are how nft(8) calls a translation of packets of a direction.
var natWords = map[Direction]string{Out: "snat", In: "dnat"}

// Name returns the name of the set in its table.
func (s Set) Name() string {
	what := s.Place.Chain()
	switch s.Place.Purpose {
	case Log:
		what = string(Log)
	case CAT:
		what = natWords[s.Direction]
	}
	return fmt.Sprintf("%s%c-%d-%d", what, s.family()[0], s.Theirs, s.Ours)
}

func (s Set) family() string {
	if s.IPv6 {
		return "6"
	}
	return "4"
}

// ParseSet returns the set of a place with a name, and false for other names.
func ParseSet(p Place, name string) (Set, bool) {
	parts := strings.Split(name, "-")
	if len(parts) < 3 {
		return Set{}, false
	}
	s := Set{Place: p, IPv6: strings.HasSuffix(parts[len(parts)-3], "6")}
	if _, err := fmt.Sscanf(parts[len(parts)-2]+" "+parts[len(parts)-1], "%d %d", &s.Theirs, &s.Ours); err != nil || min(s.Theirs, s.Ours) < 0 || max(s.Theirs, s.Ours) > s.bits() {
		return Set{}, false
	}
	directions := []Direction{""}
	if p.Purpose == CAT {
		directions = []Direction{Out, In}
	}
	for _, d := range directions {
		if s.Direction = d; s.Name() == name {
			return s, true
		}
	}
	return Set{}, false
}

// Key identifies the set.
func (s Set) Key() string { return "nft set " + s.Place.Table.String() + " " + s.Name() }

// String returns the set and the rules that look into it in the notation of
// nft(8).
func (s Set) String() string {
	t := s.Place.Table.String()
	address := "ipv" + s.family() + "_addr"
	text := "map " + t + " " + s.Name() + " { type ifname . " + address + " . " + address + " : verdict; }"
	if s.Idle {
		return text
	}
	return text + s.rules()
}

// rules returns the commands that add the rules.
func (s Set) rules() string {
	text := ""
	for _, d := range s.Directions() {
		text += "; add rule " + s.Place.Table.String() + " " + s.Chain(d) + " " + s.rule(d)
	}
	return text
}

// Renewal returns what would make the rules of an idle set anew.
func (s Set) Renewal() string {
	s.Idle = false
	return s.ruleRemoval() + s.rules()
}

// rule returns what the rule for a direction does.
func (s Set) rule(d Direction) string {
	link, theirs, ours := "oifname", "daddr", "saddr"
	if d == In {
		link, theirs, ours = "iifname", "saddr", "daddr"
	}
	field := func(name string, bits int) string {
		ip := "ip "
		if s.IPv6 {
			ip = "ip6 "
		}
		if bits == s.bits() {
			return ip + name
		}
		return ip + name + " & " + s.Mask(bits).String()
	}
	return link + " . " + field(theirs, s.Theirs) + " . " + field(ours, s.Ours) + " vmap @" + s.Name()
}

func (s Set) bits() int {
	if s.IPv6 {
		return 128
	}
	return 32
}

// Mask returns what addresses are cut with to a prefix length.
func (s Set) Mask(bits int) netip.Addr {
	b := make([]byte, s.bits()/8)
	for i := range bits {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Removal returns what would delete the set and its rules, if nft(8) found rules
// by what is in them: it wants their handles.
func (s Set) Removal() string {
	return s.ruleRemoval() + "; delete map " + s.Place.Table.String() + " " + s.Name()
}

func (s Set) ruleRemoval() string {
	var commands []string
	for _, chain := range s.Chains() {
		commands = append(commands, "delete rule "+s.Place.Table.String()+" "+chain+" @"+s.Name())
	}
	return strings.Join(commands, "; ")
}

// Removal returns what would delete the rule, if nft(8) did not want its handle.
func (j Jump) Removal() string { return "delete " + j.rule() }
