// Package firewall has what ipsecif keeps in nftables about the packets of
// single tunnels, as pure values: to which NFLOG group they are copied, which
// address of this host is translated, and which are accepted.
//
// The packets of a tunnel are those through its link between the two nets of one
// of its pairs of selectors. They are found by sets of elements LINK . THEIR NET .
// OUR NET, one set for each pair of prefix lengths: there, a packet is looked up
// with its addresses cut to these lengths. So neither what a packet costs nor
// what another tunnel costs depends on the number of tunnels, and nets that lie
// in each other do no harm.
package firewall

// Purpose is what is done with packets of tunnels.
type Purpose string

// The purposes.
const (
	Log     Purpose = "log"     // a copy goes to an NFLOG group
	CAT     Purpose = "cat"     // client address translation
	Forward Purpose = "forward" // accepted, those that this host forwards
	Host    Purpose = "host"    // accepted, those from and to this host
)

// Table names a table of nftables.
type Table struct {
	Family string `json:"family"` // as nft(8) writes it: inet, ip or ip6
	Name   string `json:"name"`
}

// String returns FAMILY NAME, as nft(8) writes it.
func (t Table) String() string { return t.Family + " " + t.Name }

// ourPrefix begins the names of all that is ours beside the clamp.
const ourPrefix = "ipsecif-"

// Place is where the sets for a purpose are, and the rules that look into them:
// a table of ours, or a chain of ours in a table of the admin's.
type Place struct {
	Purpose Purpose
	Table   Table
}

// The places that are tables of ours.
var (
	LogPlace = Place{Log, Table{"inet", ourPrefix + string(Log)}}
	CATPlace = Place{CAT, Table{"inet", ourPrefix + string(CAT)}}
)

// PlacesIn returns the places in a table of the admin's.
func PlacesIn(t Table) []Place { return []Place{{Forward, t}, {Host, t}} }

// IsTable reports whether the place is a table of ours.
func (p Place) IsTable() bool { return p.Purpose == Log || p.Purpose == CAT }

// Chain returns the name of the chain of a place in a table of the admin's.
func (p Place) Chain() string { return ourPrefix + string(p.Purpose) }

// Hooks returns the hooks of the base chains of the admin's from which packets
// come to the chain of the place.
func (p Place) Hooks() []string {
	if p.Purpose == Host {
		return []string{"input", "output"}
	}
	return []string{"forward"}
}

// Key identifies the place.
func (p Place) Key() string {
	if p.IsTable() {
		return "nft table " + p.Table.String()
	}
	return "nft chain " + p.Table.String() + " " + p.Chain()
}

// String returns the place in the notation of nft(8).
func (p Place) String() string {
	if !p.IsTable() {
		return "chain " + p.Table.String() + " " + p.Chain()
	}
	text := "table " + p.Table.String() + " { "
	for _, b := range p.Bases() {
		text += "chain " + b.Name + " { type " + b.Type + " hook " + b.Hook + " priority " + b.priority + "; policy accept; }; "
	}
	return text + "}"
}

// OwnBase is a base chain in a table of ours.
type OwnBase struct {
	Name, Type, Hook string
	Priority         int32
	priority         string // in words
}

// The base chains of tables of ours.
const (
	out = "out"
	in  = "in"
)

// Bases returns the base chains of a table of ours. Packets are logged as they
// are in the tunnel: after the translation of those that leave, before that of
// those that come.
func (p Place) Bases() []OwnBase {
	if p.Purpose == CAT {
		return []OwnBase{{out, "nat", "postrouting", 100, "srcnat"}, {in, "nat", "prerouting", -100, "dstnat"}}
	}
	return []OwnBase{{out, "filter", "postrouting", 110, "srcnat + 10"}, {in, "filter", "prerouting", -150, "mangle"}}
}

// RuleChains returns the names of the chains that have the rules of sets.
func (p Place) RuleChains() []string {
	if p.IsTable() {
		return []string{out, in}
	}
	return []string{p.Chain()}
}

// Base is a base chain of the admin's that filters packets.
type Base struct {
	Table Table
	Chain string
	Hook  string // input, forward or output
}

// Key identifies the chain.
func (b Base) Key() string { return "nft chain " + b.Table.String() + " " + b.Chain }

// String returns the chain in the notation of nft(8). Its priority and policy
// are the admin's business.
func (b Base) String() string {
	return "chain " + b.Table.String() + " " + b.Chain + " { type filter hook " + b.Hook + " priority filter; }"
}

// Jump is the rule in a base chain of the admin's by which packets come to the
// chain of a place. It is the first one when it is made.
type Jump struct {
	Place Place
	Chain string // the base chain
}

// Key identifies the rule.
func (j Jump) Key() string { return "nft " + j.rule() }

func (j Jump) rule() string {
	return "rule " + j.Place.Table.String() + " " + j.Chain + " jump " + j.Place.Chain()
}

// Comment is what the rule has for those who wonder where it comes from.
const Comment = "ipsecif"

// String returns the rule in the notation of nft(8).
func (j Jump) String() string { return j.rule() + ` comment "` + Comment + `"` }

// Leads reports whether packets come from a base chain to the place.
func (b Base) Leads(p Place) bool {
	if b.Table != p.Table {
		return false
	}
	for _, hook := range p.Hooks() {
		if b.Hook == hook {
			return true
		}
	}
	return false
}
