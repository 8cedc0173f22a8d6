package plan

import "github.com/ipsecif/ipsecif/xfrmi"

// manyDeletions is how many links are deleted at once: as a group they take
// about as long as a single one.
const manyDeletions = 1000

// Slice returns how many of the first operations may be done before others have
// their turn, about n. The attributes of a new link are not cut off from it.
func Slice(ops []Op, n int) int {
	if len(ops) > 0 {
		if _, isLink := ops[0].Object.(xfrmi.Link); isLink && ops[0].Verb == Del {
			n = max(n, manyDeletions)
		}
	}
	for n < len(ops) {
		if _, isAttr := ops[n].Object.(xfrmi.Attr); !isAttr {
			return n
		}
		n++
	}
	return len(ops)
}
