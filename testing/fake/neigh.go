package fake

import (
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// answersARP reports whether hosts find this one by ARP on a link: on a bridge,
// but not on a dummy device.
func answersARP(l xfrmi.Link) bool { return l.Kind == "bridge" }

// neighbourhood is what a limited query sees of addresses that may be on the net
// of a link.
type neighbourhood struct {
	seen  plan.State
	links []string
}

// neighbours returns what is asked for of such addresses, and adds the facts.
func (k *Kernel) neighbours(o *plan.Observation, near *plan.Near) neighbourhood {
	n := neighbourhood{seen: plan.State{}}
	for _, asked := range near.Neighs {
		n.links = append(n.links, asked.Dev)
		n.see(k.State[asked.Key()])
		for _, obj := range k.State {
			r, ok := obj.(routing.Route)
			if ok && r.Table == routing.TableMain && r.Protocol == routing.ProtocolKernel && r.Dev == asked.Dev && r.Dst.Contains(asked.Addr) {
				n.see(r)
			}
		}
	}
	for _, a := range near.OnLink {
		r, ok := k.Lookup(Packet{To: a})
		link, _ := k.State[xfrmi.Link{Name: r.Dev}.Key()].(xfrmi.Link)
		n.links = append(n.links, r.Dev)
		switch {
		case k.isLocal(a):
		case !ok || r.Table != routing.TableMain || r.Mine() || link.IsTunnel():
			o.Facts.Hidden = append(o.Facts.Hidden, a)
		default:
			n.see(k.beside(r))
			if !r.Via.IsValid() {
				n.see(k.State[routing.Neigh{Dev: r.Dev, Addr: a}.Key()])
			}
		}
	}
	return n
}

func (n neighbourhood) see(o plan.Object) {
	if o != nil {
		n.seen.Put(o)
	}
}
