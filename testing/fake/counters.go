package fake

import (
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// counters returns what has been counted, in this network namespace and in
// others as far as they are there.
func (k *Kernel) counters(netns []string) plan.Counters {
	c := plan.Counters{XfrmErrors: k.XfrmErrors}
	for _, name := range append([]string{""}, netns...) {
		within := k.In(name)
		if within == nil {
			continue
		}
		for _, o := range within.State {
			if l, ok := o.(xfrmi.Link); ok && l.IsTunnel() {
				counted := within.Traffic[l.Name]
				counted.Link, counted.Netns = l.Name, name
				c.Links = append(c.Links, counted)
			}
		}
	}
	return c
}
