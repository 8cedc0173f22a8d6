package plan

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

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
	w.Lapsed, w.rpFilter = State{}, facts.RPFilter.Default
	for _, t := range given {
		for _, a := range asked(t, facts.LinkOf(t)) {
			w.Lapsed.Put(Inside(t.Netns, a))
		}
		if t.relaxesRPFilter() {
			w.Lapsed.Put(loose(facts.LinkOf(t)))
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
		link := xfrmi.Link{Name: LinkOf(o)}.Key()
		if d.want.State[key] != nil || d.have[key] != o || d.want.State[link] == nil || !d.Managed.Owns(d.have[link]) {
			continue
		}
		if usual := d.usual(o); usual != o {
			ops = append(ops, Op{Set, usual})
		}
	}
	return ops
}

// usual returns a setting with the value that a new link has.
func (d *differ) usual(setting Object) Object {
	switch o := setting.(type) {
	case xfrmi.Attr:
		o.Value = askedDefaults[o.Name]
		return o
	case routing.Sysctl:
		o.Value = d.want.rpFilter
		return o
	}
	return setting
}
