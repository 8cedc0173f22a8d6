package kernel

import (
	"encoding/binary"
	"errors"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"golang.org/x/sys/unix"
)

var (
	nftTable = &nftables.Table{Family: nftables.TableFamilyINet, Name: xfrmi.NftTable}
	nftMap   = &nftables.Set{
		Table: nftTable, Name: xfrmi.NftMap, IsMap: true,
		KeyType: nftables.TypeIFName, DataType: nftables.TypeVerdict, KeyByteOrder: binaryutil.NativeEndian,
	}
)

// baseChain is one of the two chains that look into the map.
type baseChain struct {
	name string
	hook *nftables.ChainHook
	key  expr.MetaKey
}

var baseChains = []baseChain{
	{xfrmi.NftOut, nftables.ChainHookPostrouting, expr.MetaKeyOIFNAME},
	{xfrmi.NftIn, nftables.ChainHookPrerouting, expr.MetaKeyIIFNAME},
}

func (b baseChain) chain() *nftables.Chain {
	accept := nftables.ChainPolicyAccept
	return &nftables.Chain{
		Table: nftTable, Name: b.name, Type: nftables.ChainTypeFilter,
		Hooknum: b.hook, Priority: nftables.ChainPriorityMangle, Policy: &accept,
	}
}

// Registers and what packets are looked at for (linux/netfilter/nf_tables.h,
// RFC 9293).
const (
	register    = unix.NFT_REG_1
	tcpFlags    = 13 // offset in the header
	flagSYN     = 2
	optionMSS   = 2 // kind of the option, and the offset of the size in it
	mssOffset   = 2
	mssLen      = 2
	ifNameBytes = 16
)

// rule returns `tcp flags syn oifname vmap @tunnels`, as nft(8) compiles it.
func (b baseChain) rule() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: tcpFlags, Len: 1},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 1, Mask: []byte{flagSYN}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: []byte{0}},
		&expr.Meta{Key: b.key, Register: register},
		&expr.Lookup{SourceRegister: register, IsDestRegSet: true, SetName: xfrmi.NftMap},
	}
}

// clampRule returns `meta nfproto FAMILY tcp option maxseg size set MSS`.
func clampRule(family byte, mss int) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{family}},
		&expr.Immediate{Register: register, Data: binary.BigEndian.AppendUint16(nil, uint16(mss))},
		&expr.Exthdr{SourceRegister: register, Type: optionMSS, Offset: mssOffset, Len: mssLen, Op: expr.ExthdrOpTcpopt},
	}
}

func clampRules(m xfrmi.MSS) [][]expr.Any {
	return [][]expr.Any{clampRule(unix.NFPROTO_IPV4, m.V4), clampRule(unix.NFPROTO_IPV6, m.V6)}
}

// isFilter reports whether an operation is one on nftables.
func isFilter(op plan.Op) bool {
	switch op.Object.(type) {
	case xfrmi.ClampTable, xfrmi.ClampChain, xfrmi.Clamp:
		return true
	}
	return isFirewall(op)
}

// filter applies operations of one sort on nftables in one transaction, of which
// all succeed or none. When they do not, they are tried one by one, to tell which
// one it is.
func (k *Kernel) filter(ops []plan.Op) []error {
	errs := make([]error, len(ops))
	err := k.transaction(ops)
	if err == nil || len(ops) == 1 {
		errs[0] = err
		return errs
	}
	for i := range ops {
		if errs[i] = k.transaction(ops[i : i+1]); errs[i] != nil {
			for ; i+1 < len(ops); i++ {
				errs[i+1] = errNotBegun
			}
			break
		}
	}
	return errs
}

func (k *Kernel) transaction(ops []plan.Op) error {
	err := k.withNft(func(c *nftables.Conn) error {
		if err := queue(c, ops); err != nil {
			return err
		}
		return c.Flush()
	})
	// The library joins the errors of all messages; those after the first only
	// follow from it.
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// queue adds the messages for operations of one sort to a transaction. They are
// few: the library reads their acknowledgements only when it has sent all.
func queue(c *nftables.Conn, ops []plan.Op) error {
	switch o := ops[0].Object.(type) {
	case xfrmi.ClampTable:
		if ops[0].Verb == plan.Del {
			c.DelTable(nftTable)
			return nil
		}
		return queueTable(c)
	case xfrmi.ClampChain:
		chain := &nftables.Chain{Table: nftTable, Name: o.MSS.Chain()}
		if ops[0].Verb == plan.Del {
			c.DelChain(chain)
			return nil
		}
		c.AddChain(chain)
		c.FlushChain(chain)
		for _, r := range clampRules(o.MSS) {
			c.AddRule(&nftables.Rule{Table: nftTable, Chain: chain, Exprs: r})
		}
		return nil
	case firewall.Object:
		return queueFirewall(c, ops)
	}
	return queueClamps(c, ops)
}

// queueClamps adds one message for all entries that go, and one for all that
// come.
func queueClamps(c *nftables.Conn, ops []plan.Op) error {
	var keys, entries []nftables.SetElement
	for _, op := range ops {
		clamp := op.Object.(xfrmi.Clamp)
		key := make([]byte, ifNameBytes)
		copy(key, clamp.Link)
		keys = append(keys, nftables.SetElement{Key: key})
		verdict := &expr.Verdict{Kind: expr.VerdictJump, Chain: clamp.MSS.Chain()}
		entries = append(entries, nftables.SetElement{Key: key, VerdictData: verdict})
	}
	if ops[0].Verb != plan.Add {
		if err := c.SetDeleteElements(nftMap, keys); err != nil || ops[0].Verb == plan.Del {
			return err
		}
	}
	return c.SetAddElements(nftMap, entries)
}

func queueTable(c *nftables.Conn) error {
	c.CreateTable(nftTable)
	set := *nftMap // AddSet gives it a number, which is good for one transaction
	if err := c.AddSet(&set, nil); err != nil {
		return err
	}
	for _, b := range baseChains {
		chain := c.AddChain(b.chain())
		c.AddRule(&nftables.Rule{Table: nftTable, Chain: chain, Exprs: b.rule()})
	}
	return nil
}
