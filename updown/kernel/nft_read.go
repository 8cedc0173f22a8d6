package kernel

import (
	"encoding/binary"
	"reflect"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/sys/unix"
)

// readTable adds what the table of the clamp has to the state.
func readTable(c *nftables.Conn, s plan.State) error {
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return err
	}
	table := xfrmi.ClampTable{}
	bases := 0
	for _, chain := range chains {
		if chain.Table.Name != xfrmi.NftTable {
			continue
		}
		rules, err := c.GetRules(nftTable, chain)
		if err != nil {
			return err
		}
		clamp, isClamp := xfrmi.ParseClampChain(chain.Name)
		switch {
		case isClamp && hasRules(rules, clampRules(clamp.MSS)...):
			s.Put(clamp)
		case isBase(chain, rules):
			bases++
		default:
			table.Other = "with a chain " + chain.Name + " that ipsecif does not make"
		}
	}
	if bases != len(baseChains) && table.Other == "" {
		table.Other = "without one of its base chains"
	}
	if err := readMap(c, s, &table); err != nil {
		return err
	}
	s.Put(table)
	return nil
}

// readMap adds the entries of the map to the state.
func readMap(c *nftables.Conn, s plan.State, table *xfrmi.ClampTable) error {
	sets, err := c.GetSets(nftTable)
	if err != nil {
		return err
	}
	if len(sets) != 1 || sets[0].Name != nftMap.Name || !sets[0].IsMap {
		table.Other = "with other maps than " + xfrmi.NftMap
		return nil
	}
	elements, err := c.GetSetElements(nftMap)
	if err != nil {
		return err
	}
	for _, e := range elements {
		if clamp, ok := parseClamp(e); ok {
			s.Put(clamp)
		} else {
			table.Other = "with an element of the map that ipsecif does not make"
		}
	}
	return nil
}

// isBase reports whether a chain is one of our two base chains.
func isBase(chain *nftables.Chain, rules []*nftables.Rule) bool {
	for _, b := range baseChains {
		want := b.chain()
		if chain.Name == b.name && hasRules(rules, b.rule()) && chain.Type == want.Type && chain.Policy != nil && *chain.Policy == *want.Policy &&
			chain.Hooknum != nil && *chain.Hooknum == *want.Hooknum && chain.Priority != nil && *chain.Priority == *want.Priority {
			return true
		}
	}
	return false
}

// hasRules reports whether rules do the same as those wanted.
func hasRules(rules []*nftables.Rule, want ...[]expr.Any) bool {
	if len(rules) != len(want) {
		return false
	}
	for i, r := range rules {
		if !reflect.DeepEqual(r.Exprs, want[i]) {
			return false
		}
	}
	return true
}

// parseClamp reads an entry of the map. The library leaves its verdict as the
// kernel sends it.
func parseClamp(e nftables.SetElement) (xfrmi.Clamp, bool) {
	name, jumps := jumpTarget(e.Val)
	chain, ok := xfrmi.ParseClampChain(name)
	return xfrmi.Clamp{Link: text(e.Key), MSS: chain.MSS}, ok && jumps
}

// jumpTarget returns the name of the chain that a verdict leads to.
func jumpTarget(data []byte) (chain string, jumps bool) {
	verdict := attrs(data)
	return text(verdict[unix.NFTA_VERDICT_CHAIN]), verdictCode(verdict) == unix.NFT_JUMP
}

// accepts reports whether a verdict accepts packets.
func accepts(data []byte) bool { return verdictCode(attrs(data)) == netfilterAccept }

// netfilterAccept is NF_ACCEPT of linux/netfilter.h.
const netfilterAccept = 1

func verdictCode(verdict map[uint16][]byte) int32 {
	code := verdict[unix.NFTA_VERDICT_CODE]
	if len(code) != 4 {
		return 0
	}
	return int32(binary.BigEndian.Uint32(code))
}
