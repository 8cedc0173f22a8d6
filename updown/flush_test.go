package updown_test

import (
	"maps"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// firewallConf has addresses that are translated, and nets in those of others.
const firewallConf = `
conn translated
	leftsubnet=192.0.2.110/32
	leftcat=yes
	right=192.1.2.81
	rightsubnet=192.1.2.81/32,10.81.0.0/16
	ipsec-interface=81
	nflog=5
	accept=inet/filter

conn within
	leftsubnet=10.9.0.0/16
	right=192.1.2.82
	rightsubnet=192.1.2.82/32,10.6.7.0/24
	ipsec-interface=8
	nflog=6
	accept=ip6/filter,inet/filter
	accept-host=yes
`

// firewallKernel is the firewall of the admin.
var firewallKernel = []string{
	"nft 'add table inet filter; add chain inet filter input { type filter hook input priority filter; }'",
	"nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority filter; }'",
	"nft 'add table ip6 filter; add chain ip6 filter FORWARD { type filter hook forward priority filter; }'",
}

// flush is what the admin's `nft -f` does: it takes what is in some tables away,
// and makes what is the admin's own anew.
func (w *world) flush(which byte) {
	switch which % 4 {
	case 0:
		w.forget(firewall.LogPlace)
	case 1:
		w.forget(firewall.CATPlace)
	case 2:
		for _, p := range firewall.PlacesIn(firewall.Table{Family: "inet", Name: "filter"}) {
			w.forget(p)
		}
	case 3: // as iptables-nft -F and -X do, which leave sets
		for _, o := range w.kernel.State.Sorted() {
			if j, ok := o.(firewall.Jump); ok {
				w.kernel.State.Effect(plan.Op{Verb: plan.Del, Object: j})
				w.kernel.State.Effect(plan.Op{Verb: plan.Del, Object: j.Place})
			}
		}
	}
}

// forget takes a place away, and everything in it.
func (w *world) forget(p firewall.Place) {
	maps.DeleteFunc(w.kernel.State, func(_ string, o plan.Object) bool {
		switch o := o.(type) {
		case firewall.Place:
			return o == p
		case firewall.Chain:
			return o.Place == p
		case firewall.Set:
			return o.Place == p
		case firewall.Entry:
			return o.Place == p
		case firewall.Jump:
			return o.Place == p
		}
		return false
	})
}

// hasEntry reports whether nftables know a link by its name.
func (w *world) hasEntry(link string) bool {
	for _, o := range w.kernel.State {
		if e, ok := o.(firewall.Entry); ok && e.Link == link {
			return true
		}
	}
	return false
}
