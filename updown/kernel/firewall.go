package kernel

import (
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"golang.org/x/sys/unix"
)

var nftFamilies = map[string]nftables.TableFamily{
	"inet": nftables.TableFamilyINet, "ip": nftables.TableFamilyIPv4, "ip6": nftables.TableFamilyIPv6,
}

var nftHooks = map[string]*nftables.ChainHook{
	"prerouting": nftables.ChainHookPrerouting, "input": nftables.ChainHookInput, "forward": nftables.ChainHookForward,
	"output": nftables.ChainHookOutput, "postrouting": nftables.ChainHookPostrouting,
}

func nftTableOf(t firewall.Table) *nftables.Table {
	return &nftables.Table{Family: nftFamilies[t.Family], Name: t.Name}
}

func nftChainOf(t firewall.Table, name string) *nftables.Chain {
	return &nftables.Chain{Table: nftTableOf(t), Name: name}
}

// nftBaseOf returns a base chain in a table of ours.
func nftBaseOf(t firewall.Table, b firewall.OwnBase) *nftables.Chain {
	accept, priority := nftables.ChainPolicyAccept, nftables.ChainPriority(b.Priority)
	chain := nftChainOf(t, b.Name)
	chain.Type, chain.Hooknum, chain.Priority, chain.Policy = nftables.ChainType(b.Type), nftHooks[b.Hook], &priority, &accept
	return chain
}

func nftSetOf(s firewall.Set) *nftables.Set {
	address := nftables.TypeIPAddr
	if s.IPv6 {
		address = nftables.TypeIP6Addr
	}
	return &nftables.Set{
		Table: nftTableOf(s.Place.Table), Name: s.Name(), IsMap: true, Concatenation: true, KeyByteOrder: binaryutil.NativeEndian,
		KeyType: nftables.MustConcatSetType(nftables.TypeIFName, address, address), DataType: nftables.TypeVerdict,
	}
}

// Registers of a key LINK . THEIRS . OURS, which fills some in a row: the name
// takes the four that are register 1 together, as does an IPv6 address.
const (
	regLink   = unix.NFT_REG_1
	regTheirs = unix.NFT_REG_2
	regOurs4  = unix.NFT_REG32_05
	regOurs6  = unix.NFT_REG_3
)

// setRule returns the rule that looks into a set with packets of a direction, as
// nft(8) compiles it.
func setRule(s firewall.Set, d firewall.Direction) []expr.Any {
	key, theirs, ours := expr.MetaKeyOIFNAME, destination, source
	if d == firewall.In {
		key, theirs, ours = expr.MetaKeyIIFNAME, source, destination
	}
	var exprs []expr.Any
	family, regOurs := byte(unix.NFPROTO_IPV4), uint32(regOurs4)
	if s.IPv6 {
		family, regOurs = unix.NFPROTO_IPV6, regOurs6
	}
	if s.Place.Table.Family == "inet" {
		exprs = append(exprs,
			&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register},
			&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{family}})
	}
	exprs = append(exprs, &expr.Meta{Key: key, Register: regLink})
	exprs = append(exprs, theirs.load(s, regTheirs, s.Theirs)...)
	exprs = append(exprs, ours.load(s, regOurs, s.Ours)...)
	return append(exprs, &expr.Lookup{SourceRegister: regLink, SetName: s.Name(), IsDestRegSet: true})
}

// header is an address of a packet: where it is in the headers of IP.
type header struct{ offset4, offset6 uint32 }

var source, destination = header{12, 8}, header{16, 24}

// load puts the address into a register, cut to some length.
func (h header) load(s firewall.Set, reg uint32, bits int) []expr.Any {
	offset, size := h.offset4, uint32(4)
	if s.IPv6 {
		offset, size = h.offset6, 16
	}
	exprs := []expr.Any{&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}}
	if bits < int(size)*8 {
		exprs = append(exprs, &expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: size, Mask: s.Mask(bits).AsSlice(), Xor: make([]byte, size)})
	}
	return exprs
}

// actionRule returns the rule of a chain that does something with packets.
func actionRule(a firewall.Action) []expr.Any {
	if a.Group != 0 {
		return []expr.Any{&expr.Log{Key: 1 << unix.NFTA_LOG_GROUP, Group: a.Group}, &expr.Verdict{Kind: expr.VerdictAccept}}
	}
	family, what := uint32(unix.NFPROTO_IPV4), expr.NATTypeSourceNAT
	if a.To.Is6() {
		family = unix.NFPROTO_IPV6
	}
	if a.Direction == firewall.In {
		what = expr.NATTypeDestNAT
	}
	return []expr.Any{
		&expr.Immediate{Register: register, Data: a.To.AsSlice()},
		&expr.NAT{Type: what, Family: family, RegAddrMin: register, RegAddrMax: register},
	}
}

// elementKey returns the key of an entry as it is in registers.
func elementKey(e firewall.Entry) []byte {
	key := make([]byte, ifNameBytes, ifNameBytes+2*16)
	copy(key, e.Link)
	for _, p := range []netip.Prefix{e.Theirs, e.Ours} {
		key = append(key, p.Masked().Addr().AsSlice()...)
	}
	return key
}

// isFirewall reports whether an operation is one on the rules about single
// tunnels.
func isFirewall(op plan.Op) bool {
	_, ok := op.Object.(firewall.Object)
	return ok
}

// queueFirewall adds the messages for operations to a transaction.
func queueFirewall(c *nftables.Conn, ops []plan.Op) error {
	for len(ops) > 0 {
		n := 1
		for n < len(ops) && sameSet(ops[0], ops[n]) {
			n++
		}
		var err error
		switch o := ops[0].Object.(type) {
		case firewall.Entry:
			err = queueEntries(c, nftSetOf(o.Set()), ops[:n])
		default:
			if ops[0].Verb == plan.Del {
				err = queueRemoval(c, o)
			} else {
				err = queueAddition(c, ops[0])
			}
		}
		if err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// sameSet reports whether two operations do the same with entries of one set.
func sameSet(a, b plan.Op) bool {
	x, ok1 := a.Object.(firewall.Entry)
	y, ok2 := b.Object.(firewall.Entry)
	return ok1 && ok2 && a.Verb == b.Verb && x.Set() == y.Set()
}

func queueAddition(c *nftables.Conn, op plan.Op) error {
	switch o := op.Object.(type) {
	case firewall.Base:
		c.AddTable(nftTableOf(o.Table))
		chain := nftChainOf(o.Table, o.Chain)
		chain.Type, chain.Hooknum, chain.Priority = nftables.ChainTypeFilter, nftHooks[o.Hook], nftables.ChainPriorityFilter
		c.AddChain(chain)
	case firewall.Place:
		if !o.IsTable() {
			c.AddChain(nftChainOf(o.Table, o.Chain()))
			return nil
		}
		c.AddTable(nftTableOf(o.Table))
		for _, b := range o.Bases() {
			c.AddChain(nftBaseOf(o.Table, b))
		}
	case firewall.Chain:
		chain := c.AddChain(nftChainOf(o.Place.Table, o.Name()))
		c.FlushChain(chain)
		c.AddRule(&nftables.Rule{Table: chain.Table, Chain: chain, Exprs: actionRule(o.Action)})
	case firewall.Set:
		queueSet := func() error { return c.AddSet(nftSetOf(o), nil) }
		if op.Verb == plan.Replace {
			queueSet = func() error { return queueSilence(c, o) }
		}
		if err := queueSet(); err != nil {
			return err
		}
		for _, d := range o.Directions() {
			chain := nftChainOf(o.Place.Table, o.Chain(d))
			c.AddRule(&nftables.Rule{Table: chain.Table, Chain: chain, Exprs: setRule(o, d)})
		}
	case firewall.Jump:
		chain := nftChainOf(o.Place.Table, o.Chain)
		c.InsertRule(&nftables.Rule{
			Table: chain.Table, Chain: chain, UserData: userdata.AppendString(nil, userdata.TypeComment, firewall.Comment),
			Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: o.Place.Chain()}},
		})
	}
	return nil
}

func queueRemoval(c *nftables.Conn, o plan.Object) error {
	switch o := o.(type) {
	case firewall.Base:
		c.DelChain(nftChainOf(o.Table, o.Chain))
	case firewall.Place:
		if o.IsTable() {
			c.DelTable(nftTableOf(o.Table))
		} else {
			c.DelChain(nftChainOf(o.Table, o.Chain()))
		}
	case firewall.Chain:
		c.DelChain(nftChainOf(o.Place.Table, o.Name()))
	case firewall.Set:
		if err := queueSilence(c, o); err != nil {
			return err
		}
		c.DelSet(nftSetOf(o))
	case firewall.Jump:
		deleted, err := queueRuleRemoval(c, nftChainOf(o.Place.Table, o.Chain), func(r *nftables.Rule) bool { return jumpsTo(r, o.Place.Chain()) })
		if err == nil && deleted == 0 {
			err = unix.ENOENT
		}
		return err
	}
	return nil
}

// queueSilence deletes the rules of a set, as far as they are there.
func queueSilence(c *nftables.Conn, s firewall.Set) error {
	all, err := c.ListChainsOfTableFamily(nftFamilies[s.Place.Table.Family])
	if err != nil {
		return err
	}
	for _, chain := range all {
		if chain.Table.Name != s.Place.Table.Name || !slices.Contains(s.Chains(), chain.Name) {
			continue
		}
		looks := func(r *nftables.Rule) bool { return looksInto(r, s.Name()) }
		if _, err := queueRuleRemoval(c, nftChainOf(s.Place.Table, chain.Name), looks); err != nil {
			return err
		}
	}
	return nil
}

// queueRuleRemoval deletes rules of a chain by their handles, and returns how
// many.
func queueRuleRemoval(c *nftables.Conn, chain *nftables.Chain, gone func(*nftables.Rule) bool) (deleted int, err error) {
	rules, err := rulesOf(c, chain)
	if err != nil {
		return 0, err
	}
	for _, r := range rules {
		if !gone(r) {
			continue
		}
		r.Table, r.Chain = chain.Table, chain
		if err := c.DelRule(r); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

func looksInto(r *nftables.Rule, set string) bool {
	for _, e := range r.Exprs {
		if l, ok := e.(*expr.Lookup); ok && l.SetName == set {
			return true
		}
	}
	return false
}

func jumpsTo(r *nftables.Rule, chain string) bool {
	for _, e := range r.Exprs {
		if v, ok := e.(*expr.Verdict); ok && v.Kind == expr.VerdictJump && v.Chain == chain {
			return true
		}
	}
	return false
}

// queueEntries adds one message for all entries of a set that go, and one for
// all that come.
func queueEntries(c *nftables.Conn, set *nftables.Set, ops []plan.Op) error {
	var keys, elements []nftables.SetElement
	for _, op := range ops {
		e := op.Object.(firewall.Entry)
		element := nftables.SetElement{Key: elementKey(e)}
		keys = append(keys, element)
		element.VerdictData = &expr.Verdict{Kind: expr.VerdictAccept}
		if chain, ok := e.Chain(); ok {
			element.VerdictData = &expr.Verdict{Kind: expr.VerdictJump, Chain: chain.Name()}
		}
		elements = append(elements, element)
	}
	if ops[0].Verb != plan.Add {
		if err := c.SetDeleteElements(set, keys); err != nil || ops[0].Verb == plan.Del {
			return err
		}
	}
	return c.SetAddElements(set, elements)
}
