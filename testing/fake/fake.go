// Package fake is a Linux network namespace in memory. It passes the same
// contract suite as the real kernel, which is what allows tests to trust it.
package fake

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"golang.org/x/sys/unix"
)

// Kernel is a network namespace. New makes one.
type Kernel struct {
	State plan.State
	// FailAt makes the n-th operation from now fail with EIO, counted from 1;
	// 0 fails none.
	FailAt int
	// NoXfrm refuses xfrm interfaces and VTI devices, as a kernel without both does.
	NoXfrm bool
	// NoExternal makes an interface with if_id 0 of an external one and refuses
	// routes with encap xfrm, as Linux does from 4.19 to 5.16.
	NoExternal bool
	// Unprivileged refuses every operation.
	Unprivileged bool
	// ReflectsMark is plan.Facts.ReflectsMark.
	ReflectsMark string
	// SAs are what IKE daemons have made.
	SAs []plan.SA
	// Traffic is what has passed each link, by name. What it says of the name
	// and the network namespace does not count.
	Traffic map[string]plan.LinkCounters
	// XfrmErrors is plan.Counters.XfrmErrors.
	XfrmErrors []plan.Count
	// After is called after every system call that succeeds, with its last
	// operation; nil for no call. The creation of a link and the attributes
	// that follow are one call.
	After func(plan.Op)

	spaces  map[string]*Kernel // other network namespaces, by name
	home    *Kernel            // of another network namespace, that of ipsecif
	indexes map[string]uint32  // of the links, by name
	last    uint32             // the index given last
}

// New returns a namespace as the kernel makes it: a loopback device and the
// rules for the tables local, main and default.
func New() *Kernel {
	k := &Kernel{State: plan.NewState(
		xfrmi.Link{Name: "lo"}, xfrmi.Attr{Link: "lo", Name: xfrmi.AttrState, Value: "down"},
		sysctl("all", 0), sysctl("default", 0),
	), indexes: map[string]uint32{"lo": 1}, last: 1}
	for _, f := range []routing.Family{routing.IPv4, routing.IPv6} {
		k.State.Put(kernelRule(f, 0, routing.TableLocal))
		k.State.Put(kernelRule(f, 32766, routing.TableMain))
	}
	k.State.Put(kernelRule(routing.IPv4, 32767, routing.TableDefault))
	return k
}

func kernelRule(f routing.Family, priority uint32, t routing.Table) routing.Rule {
	return routing.Rule{Family: f, Priority: priority, Action: routing.Lookup, Table: t, Suppress: routing.NoSuppress, Protocol: routing.ProtocolKernel}
}

func sysctl(link string, value int) routing.Sysctl {
	return routing.Sysctl{Link: link, Name: routing.SysctlRPFilter, Value: value}
}

// Observe returns the state and the facts that follow from it.
func (k *Kernel) Observe(q plan.Query) (plan.Observation, error) {
	var o plan.Observation
	if q.Near != nil {
		o = k.near(q)
	} else {
		o = k.everything(q)
		k.namespaces(&o, q.Netns)
	}
	if q.Counters {
		o.Counters = k.counters(q.Netns)
	}
	return o, nil
}

func (k *Kernel) everything(q plan.Query) plan.Observation {
	o := plan.Observation{State: plan.State{}}
	o.Facts.RPFilter.Links = map[string]int{}
	o.Facts.LinkMTUs, o.Facts.PointToPoint, o.Facts.Ethernet = map[string]plan.LinkMTU{}, map[string]bool{}, map[string]bool{}
	o.Facts.Paths = map[plan.PathQuery]routing.Path{}
	o.Facts.ReflectsMark = k.ReflectsMark
	o.Facts.SAs = map[xfrmi.IfID][]plan.SA{}
	o.Facts.NoSAs = k.Unprivileged && len(q.SAs) > 0
	for _, id := range q.SAs {
		if !o.Facts.NoSAs {
			o.Facts.SAs[id] = nil
		}
	}
	for _, sa := range k.SAs {
		if slices.Contains(q.SAs, sa.IfID) && !o.Facts.NoSAs {
			o.Facts.SAs[sa.IfID] = append(o.Facts.SAs[sa.IfID], sa)
		}
	}
	o.Facts.Indexes = maps.Clone(k.indexes)
	for _, pq := range q.Paths {
		o.Facts.Paths[pq] = routing.Path{}
		if r, ok := k.Lookup(Packet{To: pq.To, Mark: pq.Mark}); ok {
			o.Facts.Paths[pq] = routing.Path{Dev: r.Dev, Via: r.Via, MTU: k.linkMTU(r.Dev).Of(pq.To, r.MTU)}
		}
	}
	o.Facts.NoFilter = k.Unprivileged && (q.Clamps || q.Firewall.Places != nil)
	q.Tables = append(slices.Clone(q.Tables), k.tablesOf(q.VRFs)...)
	for _, obj := range k.State.Sorted() {
		if isFilter(obj) && (!q.Clamps || k.Unprivileged) {
			continue
		}
		if part, ok := obj.(firewall.Object); ok && (!k.showsFirewall(part, q) || k.Unprivileged) {
			continue
		}
		switch obj := obj.(type) {
		case xfrmi.Link:
			if !obj.IsTunnel() {
				o.Facts.LinkMTUs[obj.Name] = k.linkMTU(obj.Name)
				o.Facts.PointToPoint[obj.Name] = obj.Kind == "ipip"
				o.Facts.Ethernet[obj.Name] = answersARP(obj)
			}
		case xfrmi.Attr:
			if l, _ := k.State[xfrmi.Link{Name: obj.Link}.Key()].(xfrmi.Link); !l.IsTunnel() && (obj.Name != xfrmi.AttrMaster || obj.Value == "") {
				continue
			}
		case xfrmi.Addr:
			o.Facts.Locals.Addrs = append(o.Facts.Locals.Addrs, conn.LocalAddr{Dev: obj.Link, Addr: obj.Prefix.Addr()})
		case routing.Route:
			if obj.Table != routing.TableMain && !slices.Contains(q.Tables, obj.Table) && obj.Protocol != routing.ProtocolIpsecif {
				continue
			}
			k.defaultRoute(&o.Facts.Locals, obj)
			o.State.Put(k.beside(obj))
			continue
		case routing.Sysctl:
			switch obj.Link {
			case "all":
				o.Facts.RPFilter.All = obj.Value
				continue
			case "default":
				o.Facts.RPFilter.Default = obj.Value
				continue
			}
			if obj.Name == routing.SysctlRPFilter {
				o.Facts.RPFilter.Links[obj.Link] = obj.Value
			} else if obj.Name == routing.SysctlPromote && obj.Value == 0 {
				continue // promote_secondaries is seen where it is on
			}
		}
		o.State.Put(obj)
	}
	return o
}

// beside marks a route of somebody else that comes before one of ours.
func (k *Kernel) beside(r routing.Route) routing.Route {
	behind := r
	behind.Behind = true
	if !r.Behind && !r.Mine() && k.State[behind.Key()] != nil {
		r.Other = routing.BesideOthers(r.Other)
	}
	return r
}

func (k *Kernel) defaultRoute(l *conn.Locals, r routing.Route) {
	if r.Table != routing.TableMain || r.Dst.Bits() > 0 || r.Type != routing.Unicast || r.Mine() {
		return
	}
	family := conn.IPv6
	if r.Dst.Addr().Is4() {
		family = conn.IPv4
	}
	l.DefaultRoutes = append(l.DefaultRoutes, conn.DefaultRoute{Dev: r.Dev, Gateway: r.Via, Source: r.Src, Family: family})
}

// refusal returns the error with which Linux refuses an operation.
func (k *Kernel) refusal(op plan.Op) error {
	have := k.State[op.Object.Key()]
	if isFilter(op.Object) {
		return k.refuseFilter(op, have)
	}
	if _, ok := op.Object.(firewall.Object); ok {
		return k.refuseFirewall(op, have)
	}
	switch o := op.Object.(type) {
	case xfrmi.Link:
		return k.refuseLink(op, o, have)
	case xfrmi.Attr:
		return k.refuseAttr(o, have)
	case routing.Sysctl:
		// The state has promote_secondaries only where somebody has set it.
		if have == nil && (o.Name != routing.SysctlPromote || !k.hasLink(o.Link)) {
			return unix.ENOENT
		}
	case xfrmi.Addr:
		switch {
		case !k.hasLink(o.Link):
			return unix.ENODEV
		case op.Verb == plan.Add && have != nil:
			return unix.EEXIST
		case op.Verb == plan.Del && have == nil:
			return unix.EADDRNOTAVAIL
		}
	case routing.Rule:
		switch {
		case op.Verb == plan.Add && (have != nil || k.hasNarrower(o)):
			return unix.EEXIST
		case op.Verb == plan.Del && have == nil:
			return unix.ENOENT
		}
	case routing.Neigh:
		// One that is there already is changed, whatever flags say.
		switch {
		case !k.hasLink(o.Dev):
			return unix.ENODEV
		case op.Verb == plan.Del && have == nil:
			return unix.ENOENT
		}
	case routing.Route:
		return k.refuseRoute(op, o, have)
	}
	return nil
}

func (k *Kernel) refuseAttr(a xfrmi.Attr, have plan.Object) error {
	switch {
	case !k.hasLink(a.Link), a.Name == xfrmi.AttrMaster && a.Value != "" && !k.hasLink(a.Value):
		return unix.ENODEV
	case a.Name == xfrmi.AttrAddrGen && have == nil:
		return unix.EAFNOSUPPORT // the MTU is too small for IPv6
	case a.Name == xfrmi.AttrMTU:
		if n, err := strconv.Atoi(a.Value); err != nil || n < xfrmi.MinMTU {
			return unix.EINVAL
		}
	}
	return nil
}

func (k *Kernel) refuseRoute(op plan.Op, r routing.Route, have plan.Object) error {
	if op.Verb == plan.Del {
		h, ok := have.(routing.Route)
		if !ok || h.Protocol != r.Protocol || h.Type != r.Type || r.Dst.Addr().Is4() && r.Encap.Set() && h.Encap != r.Encap {
			return unix.ESRCH
		}
		return nil
	}
	if k.NoExternal && r.Encap.Set() {
		return unix.EINVAL
	}
	if r.Dev != "" && !k.hasLink(r.Dev) {
		return unix.ENODEV
	}
	if r.Dev != "" && !k.isUp(r.Dev) {
		return unix.ENETDOWN
	}
	if op.Verb == plan.Add && have != nil {
		return unix.EEXIST
	}
	if r.Src.IsValid() && !k.isLocal(r.Src) {
		return unix.EINVAL
	}
	return nil
}

// consequences are what the kernel makes by itself.
func (k *Kernel) consequences(op plan.Op) {
	switch o := op.Object.(type) {
	case xfrmi.Link:
		if op.Verb == plan.Add {
			k.newLink(o)
		} else {
			delete(k.indexes, o.Name)
		}
	case xfrmi.Attr:
		if o.Name == xfrmi.AttrState && o.Value == "up" || o.Name == xfrmi.AttrMaster {
			k.connect(o.Link)
		}
	case xfrmi.Addr:
		if op.Verb == plan.Del {
			k.disconnect(o)
		}
		k.connect(o.Link)
	}
}

func (k *Kernel) hasLink(name string) bool { return k.State[xfrmi.Link{Name: name}.Key()] != nil }

// linkMTU returns the MTU of a link, 1500 unless somebody has set another.
func (k *Kernel) linkMTU(link string) plan.LinkMTU {
	mtu := plan.LinkMTU{Link: xfrmi.DefaultMTU}
	if a, ok := k.State[xfrmi.Attr{Link: link, Name: xfrmi.AttrMTU}.Key()].(xfrmi.Attr); ok {
		n, _ := strconv.ParseUint(a.Value, 10, 32)
		mtu.Link = uint32(n)
	}
	return mtu
}

func (k *Kernel) isUp(link string) bool {
	a, _ := k.State[xfrmi.Attr{Link: link, Name: xfrmi.AttrState}.Key()].(xfrmi.Attr)
	l, _ := k.State[xfrmi.Link{Name: link}.Key()].(xfrmi.Link)
	return a.Value == "up" || !l.IsTunnel() && a.Value == ""
}

func (k *Kernel) isLocal(a netip.Addr) bool {
	for _, o := range k.State {
		if addr, ok := o.(xfrmi.Addr); ok && addr.Prefix.Addr() == a {
			return true
		}
	}
	return false
}
