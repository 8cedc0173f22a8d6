package plan

import (
	"strings"

	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// nftCommand returns an operation on an object of nftables as the command that
// would do the same; what is between the quotes is for `nft -f` too.
func nftCommand(op Op) string {
	command := "add " + op.Object.String()
	switch o := op.Object.(type) {
	case xfrmi.ClampTable:
		if op.Verb == Del {
			command = "delete table inet " + xfrmi.NftTable
		}
	case xfrmi.ClampChain:
		if op.Verb == Del {
			command = "delete chain inet " + xfrmi.NftTable + " " + o.MSS.Chain()
		}
	case xfrmi.Clamp:
		switch op.Verb {
		case Del:
			command = "delete " + o.Entry()
		case Replace:
			command = "delete " + o.Entry() + "; " + command
		}
	}
	return "nft '" + command + "'"
}

// nft reads what nftCommand prints: it takes the object out of the words and
// compares the commands.
func (p *parser) nft() Op {
	line := "nft " + strings.Join(p.words, " ")
	for _, o := range nftObjects(p.words) {
		for _, verb := range []Verb{Add, Replace, Del} {
			op := Op{verb, o}
			if line == op.String() {
				p.words = nil
				return op
			}
		}
	}
	p.fail("%q is none of the commands for nft", line)
	return Op{}
}

// nftObjects returns the objects that words may be about.
func nftObjects(words []string) []Object {
	objects := []Object{xfrmi.ClampTable{}}
	link := ""
	for _, w := range words {
		w = strings.Trim(w, "'")
		if name := strings.Trim(w, `"`); name != w {
			link = name
			objects = append(objects, xfrmi.Clamp{Link: link})
		}
		if c, ok := xfrmi.ParseClampChain(w); ok {
			objects = append(objects, c, xfrmi.Clamp{Link: link, MSS: c.MSS})
		}
	}
	for _, o := range firewall.Candidates(words) {
		objects = append(objects, o)
	}
	return objects
}

// Uses reports whether an object of the state refers to a chain of nftables, so
// that it is no leftover, even if another one is to take its place.
func (s State) Uses(chain Object) bool {
	for _, o := range s {
		if c, ok := o.(xfrmi.Clamp); ok && chain == Object(xfrmi.ClampChain{MSS: c.MSS}) {
			return true
		}
	}
	return false
}

// diesWithTable reports whether an object is part of the table of nftables.
func diesWithTable(o Object) bool {
	switch o.(type) {
	case xfrmi.ClampChain, xfrmi.Clamp:
		return true
	}
	return false
}
