package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// FirewallQuery says what has to be read of nftables beside the clamp.
type FirewallQuery struct {
	Places  []firewall.Place
	Entries []firewall.Entry // the only ones that a limited query asks for
	All     bool             // every place that there is
}

// FirewallPlaces returns the places where the tunnel has something.
func (t Tunnel) FirewallPlaces() []firewall.Place {
	var places []firewall.Place
	for _, e := range t.FirewallEntries() {
		if !slices.Contains(places, e.Place) { // of which there are few
			places = append(places, e.Place)
		}
	}
	return places
}

// Filters reports whether the tunnel has anything in nftables.
func (t Tunnel) Filters() bool { return t.MSS != Size{} || len(t.FirewallPlaces()) > 0 }

// FirewallEntries returns what nftables have to know about packets of the tunnel.
func (t Tunnel) FirewallEntries() []firewall.Entry {
	var entries []firewall.Entry
	added := map[firewall.Entry]bool{}
	add := func(e firewall.Entry) {
		e.Link = t.Link
		if !added[e] {
			added[e], entries = true, append(entries, e)
		}
	}
	for _, p := range t.Pairs {
		if t.NFLog != 0 {
			add(firewall.Entry{Place: firewall.LogPlace, Theirs: p.Theirs, Ours: p.Ours, Action: firewall.Action{Group: uint16(t.NFLog)}})
		}
		if t.translates(p) {
			for _, e := range t.translation(p) {
				add(e)
			}
		}
		for _, table := range t.Accept {
			if table.Family == "ip" && p.Theirs.Addr().Is6() || table.Family == "ip6" && p.Theirs.Addr().Is4() {
				continue
			}
			for _, e := range t.accepted(p) {
				e.Place.Table = table
				add(e)
			}
		}
	}
	return entries
}

// translates reports whether packets of a pair have their address on this host
// translated.
func (t Tunnel) translates(p Pair) bool {
	return t.CAT.IsValid() && t.Local.IsValid() && t.CAT != t.Local && t.Local.Is4() == t.CAT.Is4() && p.Ours.Contains(t.CAT)
}

// translation returns the entries by which packets that this host sends from its
// own address have the leased one in the tunnel, and those to it come back.
func (t Tunnel) translation(p Pair) []firewall.Entry {
	out := firewall.Entry{
		Place: firewall.CATPlace, Direction: firewall.Out, Theirs: p.Theirs, Ours: hostPrefix(t.Local),
		Action: firewall.Action{To: t.CAT, Direction: firewall.Out},
	}
	in := firewall.Entry{
		Place: firewall.CATPlace, Direction: firewall.In, Theirs: p.Theirs, Ours: hostPrefix(t.CAT),
		Action: firewall.Action{To: t.Local, Direction: firewall.In},
	}
	return []firewall.Entry{out, in}
}

func hostPrefix(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// accepted returns the entries of one table by which packets of a pair are
// accepted. A net behind this host has packets that are forwarded. This host
// itself has some where an address of its own is in the net, as far as the conn
// tells, or the admin says so.
func (t Tunnel) accepted(p Pair) []firewall.Entry {
	entry := func(purpose firewall.Purpose, ours netip.Prefix) firewall.Entry {
		return firewall.Entry{Place: firewall.Place{Purpose: purpose}, Theirs: p.Theirs, Ours: ours}
	}
	if t.translates(p) { // the firewall sees the host's own address
		return []firewall.Entry{entry(firewall.Host, hostPrefix(t.Local))}
	}
	own := t.ownAddrs(p.Ours)
	if p.Ours.IsSingleIP() && len(own) > 0 {
		return []firewall.Entry{entry(firewall.Host, p.Ours)}
	}
	entries := []firewall.Entry{entry(firewall.Forward, p.Ours)}
	if t.AcceptHost {
		return append(entries, entry(firewall.Host, p.Ours))
	}
	for _, a := range own {
		entries = append(entries, entry(firewall.Host, hostPrefix(a)))
	}
	return entries
}

// ownAddrs returns the addresses of this host that the conn gives it for the
// tunnel, or where it starts, as far as they are in a net.
func (t Tunnel) ownAddrs(net netip.Prefix) []netip.Addr {
	all := slices.Clone(t.Sources)
	for _, a := range t.Addrs {
		all = append(all, a.Addr())
	}
	if net.IsSingleIP() {
		all = append(all, t.Local)
	}
	var own []netip.Addr
	for _, a := range all {
		if net.Contains(a) && !slices.Contains(own, a) {
			own = append(own, a)
		}
	}
	return own
}

// firewallCommand returns an operation as a command for nft(8).
func firewallCommand(op Op) string {
	o := op.Object
	switch o := o.(type) {
	case firewall.Set:
		switch op.Verb {
		case Del:
			return o.Removal()
		case Replace:
			return o.Renewal()
		}
	case firewall.Jump:
		if op.Verb == Del {
			return o.Removal()
		}
		return "insert " + o.String()
	case firewall.Entry:
		switch op.Verb {
		case Del:
			return o.Removal()
		case Replace:
			return o.Removal() + "; add " + o.String()
		}
	case firewall.Base:
		if op.Verb == Add {
			return "add table " + o.Table.String() + "; add " + o.String()
		}
	}
	if op.Verb == Del {
		return "delete " + o.Key()[len("nft "):]
	}
	return "add " + o.String()
}

// firewallOrder returns the place of an object in the order of making, after the
// clamp: what others refer to comes first, what leads to all of it last.
func firewallOrder(o Object) (n int, ok bool) {
	switch o.(type) {
	case firewall.Base:
		return 3, true
	case firewall.Place:
		return 4, true
	case firewall.Chain:
		return 5, true
	case firewall.Set:
		return 6, true
	case firewall.Entry:
		return 7, true
	case firewall.Jump:
		return 8, true
	}
	return 0, false
}

// diesWithPart reports whether an object of nftables goes together with another
// that is deleted.
func diesWithPart(gone, o Object) bool {
	switch gone := gone.(type) {
	case firewall.Place:
		return gone.IsTable() && placeOf(o) == gone && o != Object(gone)
	case firewall.Set:
		e, ok := o.(firewall.Entry)
		return ok && e.Set().Key() == gone.Key()
	}
	return false
}

// silence takes the rules away from the sets of a place whose chain is deleted.
func (s State) silence(gone Object) {
	p, ok := gone.(firewall.Place)
	for key, o := range s {
		if set, isSet := o.(firewall.Set); ok && isSet && set.Place == p {
			set.Idle = true
			s[key] = set
		}
	}
}

func diesWithAny(gone []Object, o Object) bool {
	return slices.ContainsFunc(gone, func(g Object) bool { return diesWithPart(g, o) })
}

// placeOf returns the place that an object is in, or is.
func placeOf(o Object) firewall.Place {
	switch o := o.(type) {
	case firewall.Place:
		return o
	case firewall.Chain:
		return o.Place
	case firewall.Set:
		return o.Place
	case firewall.Entry:
		return o.Place
	}
	return firewall.Place{}
}
