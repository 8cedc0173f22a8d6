package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/xfrmi/firewall"
)

// firewall fills in what nftables are to do with packets of the tunnel. Local is
// the address of this host at the moment.
func (r *resolver) firewall(t *Tunnel, side conn.Side, ours *conn.End, local netip.Addr) {
	t.NFLog = uint32(r.c.NflogGroup)
	t.Accept, t.AcceptHost = TablesOf(r.c), r.c.AcceptHost
	if ours.CAT {
		r.cat(t, side.String()+"cat", ours, local)
	}
	if len(t.Pairs) == 0 && len(FirewallPlacesOf(r.c)) > 0 && usesVTI(r.c) {
		r.refuse("vti-routing", "unsupported", "set vti-routing=yes", "nftables know the packets of a tunnel by its subnets, and this one carries what somebody else leads to its device")
	}
}

// cat fills in the leased address, where the conn tells it. Otherwise only the
// IKE daemon knows.
func (r *resolver) cat(t *Tunnel, key string, ours *conn.End, local netip.Addr) {
	leases := slices.Clone(ours.SourceIPs)
	for _, p := range ours.InterfaceIPs {
		leases = append(leases, p.Addr())
	}
	for _, s := range ours.Subnets {
		if s.Prefix.IsSingleIP() {
			leases = append(leases, s.Prefix.Addr())
		}
	}
	i := slices.IndexFunc(leases, func(a netip.Addr) bool { return a.Is4() == local.Is4() })
	switch {
	case !local.IsValid():
		r.refuse(key, "unknown-address", "", "the address of this host that is to be translated is not known")
	case i < 0:
		r.refuse(key, "unknown-lease", "set the subnet of this end to the leased address if it is always the same",
			"the leased address is only known when the peer has given it")
	default:
		t.CAT, t.Local = leases[i], local
	}
}

// TablesOf returns the tables in which packets of a conn are accepted.
func TablesOf(c *conn.Conn) []firewall.Table {
	var tables []firewall.Table
	for _, t := range c.Accept {
		tables = append(tables, firewall.Table{Family: t.Family, Name: t.Name})
	}
	return tables
}

// FirewallPlacesOf returns the places where the tunnel of a conn may have
// something.
func FirewallPlacesOf(c *conn.Conn) []firewall.Place {
	var places []firewall.Place
	if c.NflogGroup != 0 {
		places = append(places, firewall.LogPlace)
	}
	if c.Left.CAT || c.Right.CAT {
		places = append(places, firewall.CATPlace)
	}
	for _, table := range TablesOf(c) {
		places = append(places, firewall.PlacesIn(table)...)
	}
	return places
}
