package plan

import "github.com/ipsecif/ipsecif/xfrmi"

// askedDefaults has the attributes that a link gets only when a conn asks for
// them, with the values that a new xfrm interface has.
var askedDefaults = map[string]string{
	xfrmi.AttrMaster:    "",
	xfrmi.AttrMulticast: "off",
}

// isAsked reports whether an attribute is one that conns ask for.
func isAsked(a xfrmi.Attr) bool {
	_, ok := askedDefaults[a.Name]
	return ok
}

// asked returns the attributes that a tunnel asks for on a link.
func asked(t Tunnel, link string) []xfrmi.Attr {
	var attrs []xfrmi.Attr
	if t.VRF != "" {
		attrs = append(attrs, xfrmi.Attr{Link: link, Name: xfrmi.AttrMaster, Value: t.VRF})
	}
	if t.Multicast {
		attrs = append(attrs, xfrmi.Attr{Link: link, Name: xfrmi.AttrMulticast, Value: "on"})
	}
	return attrs
}

// Lapse notes what tunnels asked for that are given up, on a host with these
// facts. Without that nothing would tell it from what somebody else has set.
func (w *Want) Lapse(given []Tunnel, facts Facts) {
	w.Lapsed = State{}
	for _, t := range given {
		for _, a := range asked(t, facts.LinkOf(t)) {
			w.Lapsed.Put(Inside(t.Netns, a))
		}
	}
	spaces := w.Lapsed.split()
	w.Lapsed = spaces[""]
	for netns, within := range w.Within {
		within.Lapsed = spaces[netns]
		w.Within[netns] = within
	}
}

// lapsed returns the operations that give links of ours, which stay, their
// defaults back. What a foreign link had before is restored with its settings.
func (d *differ) lapsed() []Op {
	var ops []Op
	for key, o := range d.want.Lapsed {
		a := o.(xfrmi.Attr)
		link := xfrmi.Link{Name: a.Link}.Key()
		if d.want.State[key] != nil || d.have[key] != o || d.want.State[link] == nil || !d.Managed.Owns(d.have[link]) {
			continue
		}
		a.Value = askedDefaults[a.Name]
		ops = append(ops, Op{Set, a})
	}
	return ops
}
