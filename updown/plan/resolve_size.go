package plan

import (
	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// sizes fills in what is asked of the MTU of the link and of the MSS.
func (r *resolver) sizes(t *Tunnel) {
	t.LinkMTU, t.MSS = size(r.c.LinkMTU), size(r.c.MSS)
	if !t.ComputesSizes() {
		return
	}
	// Until the SAs are there, the worst that they may be.
	t.ESP = xfrmi.ESP{
		Mode:   xfrmi.Tunnel,
		UDP:    r.c.Encapsulation != conn.EncapsulationNo,
		IPv6:   t.Peer.Is6() || !t.Peer.IsValid() && r.c.Family == conn.IPv6,
		Cipher: xfrmi.WorstCipher,
	}
}

// somewhere asks for the path that decides about sizes of a conn without a
// known peer.
func somewhere(c *conn.Conn) []PathQuery {
	t := Tunnel{ESP: xfrmi.ESP{IPv6: c.Family == conn.IPv6}}
	if !computesSizes(c) || c.Left.Host.Kind == conn.HostAddr && c.Right.Host.Kind == conn.HostAddr {
		return nil
	}
	t.Mark, _ = mark(c)
	return []PathQuery{t.far()}
}

func computesSizes(c *conn.Conn) bool {
	return c.LinkMTU.Kind == conn.SizeAuto || c.MSS.Kind == conn.SizeAuto
}

func size(s conn.Size) Size { return Size{Auto: s.Kind == conn.SizeAuto, Bytes: s.Bytes} }
