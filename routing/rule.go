package routing

import (
	"fmt"
	"net/netip"
	"strings"
)

// Family is an address family by its number in linux/socket.h.
type Family uint8

// The two families that have policy rules.
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// FamilyOf returns the family of an address, and IPv6 for the zero Addr.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Flag returns the option of ip(8) that selects the family.
func (f Family) Flag() string {
	if f == IPv4 {
		return "-4"
	}
	return "-6"
}

// Action is what a rule does with a packet that it selects (FR_ACT_* of
// linux/fib_rules.h).
type Action uint8

// The actions that ipsecif makes or can put back.
const (
	Lookup            Action = 1
	RejectBlackhole   Action = 6
	RejectUnreachable Action = 7
	RejectProhibit    Action = 8
)

var rejectNames = map[Action]string{RejectBlackhole: "blackhole", RejectUnreachable: "unreachable", RejectProhibit: "prohibit"}

// ParseReject reads the name of an action that rejects packets.
func ParseReject(s string) (Action, bool) {
	for a, name := range rejectNames {
		if s == name {
			return a, true
		}
	}
	return 0, false
}

// NoSuppress is the Rule.Suppress value of a rule that suppresses nothing.
const NoSuppress = -1

// Rule is one entry of the routing policy database. The zero value is no rule.
// Every field but Not is part of its identity: two rules that differ in one are
// two rules for the kernel.
type Rule struct {
	Family   Family
	Priority uint32
	Not      bool         // selects what the rest of the rule does not (FIB_RULE_INVERT)
	From     netip.Prefix // invalid: all
	To       netip.Prefix // invalid: all
	Iif      string       // "" for any; "lo" means packets made on this host
	Mark     Mark
	Action   Action
	Table    Table // 0 unless Action is Lookup
	Suppress int   // suppress_prefixlength, or NoSuppress
	Protocol Protocol
	Other    string // attributes that ipsecif does not manage, for comparison and messages only
}

// Key identifies the rule as the kernel does: all of it but Not. rule_exists and
// rule_find of net/core/fib_rules.c take a rule for its own opposite.
func (r Rule) Key() string {
	r.Not = false
	return "rule " + r.Family.Flag() + " " + r.String()
}

// OwnsTable reports whether the rule shows a table to packets that are not ESP
// or IKE of this host alone, or the whole of it to those: then routes of others
// in the table would lead packets astray.
func (r Rule) OwnsTable() bool {
	return r.Action == Lookup && r.Table != TableMain && (r.Not || !r.Mark.Set() || r.Iif == "lo")
}

// String returns the rule in the notation of `ip rule add`.
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "priority %d", r.Priority)
	if r.Not {
		b.WriteString(" not")
	}
	if r.From.IsValid() && r.From.Bits() > 0 {
		b.WriteString(" from " + r.From.String())
	}
	if r.To.IsValid() && r.To.Bits() > 0 {
		b.WriteString(" to " + r.To.String())
	}
	if r.Iif != "" {
		b.WriteString(" iif " + r.Iif)
	}
	if r.Mark.Set() {
		b.WriteString(" fwmark " + r.Mark.String())
	}
	if name, ok := rejectNames[r.Action]; ok {
		b.WriteString(" " + name)
	} else if r.Action == Lookup {
		b.WriteString(" lookup " + r.Table.String())
	} else {
		fmt.Fprintf(&b, " action %d", r.Action)
	}
	if r.Suppress >= 0 {
		fmt.Fprintf(&b, " suppress_prefixlength %d", r.Suppress)
	}
	b.WriteString(" protocol " + r.Protocol.String())
	if r.Other != "" {
		b.WriteString(" " + r.Other)
	}
	return b.String()
}
