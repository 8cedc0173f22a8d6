package plan

import (
	"cmp"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// Place is a table and the rule priority that goes with it.
type Place struct {
	Table    routing.Table
	Priority uint32
}

// ComparePlaces orders places by table and priority.
func ComparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Priority, b.Priority))
}

// DefaultPlace is what libreswan's tools use too.
var DefaultPlace = Place{routing.DefaultTable, routing.DefaultPriority}

// Managed lists the places whose rules are ours. No claim is needed to know an
// object of ours, so nothing is leaked when claims are lost.
type Managed []Place

// Evident returns the places that are ours by what is in the kernel alone: our
// routes are in the table, or the table is one of those for sources, and rules as
// we make them look it up.
func Evident(s State) Managed {
	tables := map[routing.Table]bool{}
	for _, o := range s {
		if r, ok := o.(routing.Route); ok && r.Protocol == routing.ProtocolIpsecif && r.Table != routing.TableMain {
			tables[r.Table] = true
		}
	}
	var m Managed
	for _, o := range s {
		if r, ok := o.(routing.Rule); ok && (tables[r.Table] || r.Table >= routing.SourceTable) && r.Protocol == routing.ProtocolKernel {
			m = append(m, Place{r.Table, routing.PriorityOf(r)})
		}
	}
	return m
}

// Owns reports whether ipsecif made the object. Settings are nobody's.
func (m Managed) Owns(o Object) bool {
	switch o := o.(type) {
	case InNetns:
		return Managed{}.Owns(o.Object)
	case xfrmi.Link:
		return o.Mine
	case xfrmi.Addr:
		return o.Mine
	case routing.Route:
		return o.Mine() && (o.Dev != "" || o.Table == routing.TableMain || m.manages(o.Table))
	case routing.Rule:
		return m.ownsRule(o)
	case routing.Neigh:
		return o.Mine
	case xfrmi.ClampTable:
		return o.Other == ""
	case xfrmi.ClampChain, xfrmi.Clamp:
		return true // nobody else has business in our table
	case firewall.Base:
		return false
	case firewall.Object:
		return true // by its name
	}
	return false
}

func (m Managed) manages(t routing.Table) bool {
	for _, p := range m {
		if p.has(t) {
			return true
		}
	}
	return false
}

// has reports whether a table belongs to a place.
func (p Place) has(t routing.Table) bool {
	return t == p.Table || p.Table == routing.SourceTable && t > p.Table
}

// ownsRule knows a rule of ours by protocol, priority and what it looks up.
// The kernel's own rules have the same protocol, but other priorities.
func (m Managed) ownsRule(r routing.Rule) bool {
	if r.Protocol != routing.ProtocolKernel || r.Other != "" {
		return false
	}
	for _, p := range m {
		lowest, highest := routing.PriorityRange(p.Priority)
		if r.Priority < lowest || r.Priority > highest {
			continue
		}
		escape := r.Iif == "lo" && (r.Mark.Set() || r.To.IsValid())
		if p.has(r.Table) || r.Action == routing.RejectUnreachable ||
			r.Table == routing.TableMain && (escape || r.Suppress == 0) {
			return true
		}
	}
	return false
}
