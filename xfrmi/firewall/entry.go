package firewall

import (
	"fmt"
	"net/netip"
	"strings"
)

// Action is what becomes of a packet of a tunnel. The zero value is that it is
// accepted.
type Action struct {
	Group     uint16     // NFLOG group that gets a copy; 0 is none
	To        netip.Addr // what its source becomes (Out), or its destination (In)
	Direction Direction  // with To
}

// chain returns the name of the chain that does it. A colon cannot be in a name.
func (a Action) chain() string {
	if a.Group != 0 {
		return fmt.Sprintf("group-%d", a.Group)
	}
	return natWords[a.Direction] + "-" + strings.ReplaceAll(a.To.String(), ":", "_")
}

// statement returns what the chain does in the notation of nft(8).
func (a Action) statement() string {
	if a.Group != 0 {
		return fmt.Sprintf("log group %d accept", a.Group) // of nets in each other, one counts
	}
	family := "ip"
	if a.To.Is6() {
		family = "ip6"
	}
	return natWords[a.Direction] + " " + family + " to " + a.To.String()
}

// Chain is the chain that does something with packets. All elements that lead to
// the same share it.
type Chain struct {
	Place  Place
	Action Action
}

// Key identifies the chain.
func (c Chain) Key() string { return "nft chain " + c.Place.Table.String() + " " + c.Name() }

// Name returns the name of the chain in its table.
func (c Chain) Name() string { return c.Action.chain() }

// String returns the chain in the notation of nft(8).
func (c Chain) String() string {
	return "chain " + c.Place.Table.String() + " " + c.Name() + " { " + c.Action.statement() + "; }"
}

// ParseChain returns the chain of a place with a name, and false for other names.
func ParseChain(p Place, name string) (Chain, bool) {
	c := Chain{Place: p}
	what, value, _ := strings.Cut(name, "-")
	switch {
	case !p.IsTable():
		return c, false
	case what == "group":
		if _, err := fmt.Sscan(value, &c.Action.Group); err != nil || c.Action.Group == 0 {
			return c, false
		}
	case what == natWords[Out]:
		c.Action.Direction = Out
	case what == natWords[In]:
		c.Action.Direction = In
	}
	if c.Action.Direction != "" {
		a, err := netip.ParseAddr(strings.ReplaceAll(value, "_", ":"))
		if err != nil {
			return c, false
		}
		c.Action.To = a
	}
	return c, c.Action != Action{} && c.Name() == name
}

// Entry is one element of a set: packets through a link between two nets.
type Entry struct {
	Place        Place
	Direction    Direction // as Set.Direction
	Link         string    // by name; it need not exist
	Theirs, Ours netip.Prefix
	Action       Action
}

// Set returns the set that has the entry.
func (e Entry) Set() Set {
	return Set{Place: e.Place, Direction: e.Direction, IPv6: e.Theirs.Addr().Is6(), Theirs: e.Theirs.Bits(), Ours: e.Ours.Bits()}
}

// Chain returns the chain that the entry leads to, and false when there is none.
func (e Entry) Chain() (Chain, bool) {
	return Chain{e.Place, e.Action}, e.Action != Action{}
}

// Key identifies the entry by its set, link and nets.
func (e Entry) Key() string { return "nft " + e.element() + " }" }

func (e Entry) element() string {
	s := e.Set()
	return "element " + s.Place.Table.String() + " " + s.Name() + ` { "` + e.Link + `" . ` +
		e.Theirs.Masked().Addr().String() + " . " + e.Ours.Masked().Addr().String()
}

// String returns the entry in the notation of nft(8).
func (e Entry) String() string {
	if c, ok := e.Chain(); ok {
		return e.element() + " : jump " + c.Name() + " }"
	}
	return e.element() + " : accept }"
}

// Removal returns the deletion of the entry in the notation of nft(8).
func (e Entry) Removal() string { return "delete " + e.element() + " }" }
