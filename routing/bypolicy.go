package routing

import "net/netip"

// ByPolicy returns the routes for a demand without an interface, whose packets SPs
// take wherever they leave: by the path of ESP, so that they get there with the
// right source and size. Its next hop is of use in its own family only.
func (d Demand) ByPolicy() []Route {
	var l Layout
	via := d.Path.Via
	if via.Is4() != d.Dst.Addr().Is4() {
		via = netip.Addr{}
	}
	for _, dst := range halves(d.Dst) {
		l.route(Route{
			Table: TableMain, Type: Unicast, Dst: dst, Dev: d.Path.Dev, Via: via,
			Src: d.Src, Metric: d.Metric, MTU: d.MTU, Protocol: ProtocolIpsecif,
		})
	}
	return l.Routes
}
