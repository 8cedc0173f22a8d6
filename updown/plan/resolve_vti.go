package plan

import (
	"net/netip"
	"slices"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// VTI is what a tunnel needs of a VTI device. The zero value is none.
type VTI struct {
	Local  netip.Addr `json:"local"`
	Remote netip.Addr `json:"remote,omitzero"` // invalid: any
	InKey  uint32     `json:"in_key"`
	OutKey uint32     `json:"out_key"`
}

func (v VTI) device(name string) xfrmi.Link {
	kind := xfrmi.KindVTI
	if v.Local.Is6() {
		kind = xfrmi.KindVTI6
	}
	return xfrmi.Link{
		Name: name, Kind: kind, Mine: true,
		VTI: xfrmi.VTI{Local: v.Local, Remote: v.Remote, InKey: v.InKey, OutKey: v.OutKey},
	}
}

// usesVTI reports whether a conn has a VTI device: one with an xfrm interface
// needs none.
func usesVTI(c *conn.Conn) bool { return c.Interface.IfID == 0 && c.VTI.Device != "" }

// vti fills in the VTI device, once the ends and their selectors are known. The
// device of libreswan's script has the same marks and addresses.
func (r *resolver) vti(t *Tunnel, ours *conn.End, local netip.Addr) {
	c := r.c
	if !c.MarkIn.Set || !c.MarkOut.Set {
		r.refuse("vti-interface", "required", "set mark=", "a VTI device finds its tunnel by marks, and the conn has none (libreswan makes no device then)")
		return
	}
	if !local.IsValid() {
		r.refuse("vti-interface", "unknown-address", "", "the address of this host that the device needs is not known")
		return
	}
	if size(c.LinkMTU) != (Size{}) || c.MSS.Kind == conn.SizeAuto {
		r.refuse("vti-interface", "unsupported", "set link-mtu=off, and mtu= and mss= to numbers", "link-mtu= and mss=auto are for xfrm interfaces")
	}
	if c.OnLoss == conn.OnLossWithdraw {
		r.refuse("on-loss", "unsupported", "use block or keep", "withdraw finds SAs by their if_id, and those of a VTI device have none")
	}
	t.VTI = VTI{Local: local, Remote: t.Peer, InKey: c.MarkIn.Value, OutKey: c.MarkOut.Value}
	if c.VTI.Shared {
		t.VTI.Remote = netip.Addr{}
	}
	if !c.VTI.Routing {
		t.Pairs = nil // somebody else leads packets to the device
	}
	t.Addrs = nil
	if ours.VTI.IsValid() {
		t.Addrs = append(t.Addrs, ours.VTI)
	}
	for _, s := range ours.SourceIPs {
		if !slices.ContainsFunc(t.Addrs, func(a netip.Prefix) bool { return a.Addr() == s }) {
			t.Addrs = append(t.Addrs, netip.PrefixFrom(s, s.BitLen()))
		}
	}
	// libreswan marks the IKE packets of xfrm interfaces alone. Without routes
	// there are no rules either.
	t.ByPeer = c.VTI.Routing && (c.Escape == conn.EscapePeer || c.Escape != conn.EscapeMark && peerInside(*t))
	if t.ByPeer && t.Scheme != routing.Overlay && c.Escape != conn.EscapePeer {
		r.refuse("vti-interface", "unsupported", "use scheme=overlay",
			"the peer is in the remote subnet, and with scheme=%s its IKE packets would go into the tunnel, since libreswan marks those of xfrm interfaces alone", t.Scheme)
	}
	// And it has no rule for a mark when the peer is outside.
	t.MarkOut = false
}

// putVTI lets in what the device of a claim has decrypted.
func (c *compiler) putVTI(claim Claim) {
	t := claim.Tunnel
	if t.VTI == (VTI{}) {
		return
	}
	c.put(claim, routing.Sysctl{Link: t.Link, Name: routing.SysctlNoPolicy, Value: 1})
	if !c.facts.NoIPv6 {
		c.put(claim, routing.Sysctl{Link: t.Link, Name: routing.SysctlNoPolicy, IPv6: true, Value: 1})
	}
	// Where routes are somebody else's, the one back need not lead here.
	if rp := c.facts.RPFilter; rp.strict(rp.Default) || rp.strict(rp.Links[t.Link]) {
		c.put(claim, loose(t.Link))
	}
}
