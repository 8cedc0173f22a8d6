package conn

import "net/netip"

// familySet tells which families the selectors of an end have.
type familySet struct{ v4, v6 bool }

func (f *familySet) add(a netip.Addr) {
	f.v4 = f.v4 || a.Is4()
	f.v6 = f.v6 || a.Is6()
}

// families reports ends whose selectors are not of the same families: libreswan
// refuses such a conn. In a product each pair counts by itself.
func (b *builder) families(c *Conn, lists *subnetLists) {
	if lists != nil || b.broken {
		return
	}
	left, right := c.Left.families(c.Family), c.Right.families(c.Family)
	if left == right {
		return
	}
	kv := b.firstOf(keySubnet, endKey(keySubnet, Right), keyAddressPool, endKey(keyAddressPool, Right))
	b.at(kv, Error, CodeFamilyMismatch, "the selectors of left are "+left.String()+", those of right "+right.String(),
		"use the same families on both ends; without a subnet an end has that of its host")
}

// families returns those of the selectors of an end, of its host when it has none.
func (e *End) families(host Family) familySet {
	var set familySet
	for _, s := range e.Subnets {
		set.add(s.Prefix.Addr())
	}
	if e.Subnets == nil {
		for _, r := range e.AddressPool {
			set.add(r.From)
		}
	}
	if set == (familySet{}) {
		set = familySet{v4: host == IPv4, v6: host == IPv6}
	}
	return set
}

func (f familySet) String() string {
	if f.v4 && f.v6 {
		return "IPv4 and IPv6"
	} else if f.v6 {
		return "IPv6"
	}
	return "IPv4"
}

// firstOf returns the entry of the first key that is set.
func (b *builder) firstOf(ids ...keyID) *KeyValue {
	for _, id := range ids {
		if kv := b.get(id); kv != nil {
			return kv
		}
	}
	return nil
}
