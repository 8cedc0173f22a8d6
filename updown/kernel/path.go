package kernel

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// rtmFFIBMatch is RTM_F_FIB_MATCH of linux/rtnetlink.h (Linux 4.13): answer with
// the route as it stands in its table.
const rtmFFIBMatch = 0x2000

// askTogether bounds the questions of one system call, so that their answers
// fit into the receive buffer of the socket.
const askTogether = 64

// answer is the route that the kernel has chosen for a packet, or an address of
// this host; neither when there is none.
type answer struct {
	route *nl.RtMsg
	addr  *nl.IfAddrmsg
	attrs map[uint16][]byte
}

// routeQuery asks how this host would send a packet.
func (k *Kernel) routeQuery(to netip.Addr, mark uint32, flags uint32) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	head := &nl.RtMsg{}
	head.Family, head.Dst_len, head.Flags = uint8(routing.FamilyOf(to)), uint8(to.BitLen()), flags
	req.AddData(head)
	req.AddData(nl.NewRtAttr(unix.RTA_DST, to.AsSlice()))
	if mark != 0 {
		req.AddData(nl.NewRtAttr(unix.RTA_MARK, nl.Uint32Attr(mark)))
	}
	return req
}

// ask sends questions, many in one system call, and returns their answers in
// order. A question has one answer: a route, an address or an
// error.
func (k *Kernel) ask(reqs []*nl.NetlinkRequest) ([]answer, error) {
	var all []answer
	for chunk := range slices.Chunk(reqs, askTogether) {
		first := k.dumps.seq + 1
		var buf []byte
		for _, req := range chunk {
			k.dumps.number(req)
			buf = append(buf, req.Serialize()...)
		}
		if err := k.dumps.send(buf); err != nil {
			return nil, err
		}
		answers := make([]answer, len(chunk))
		for left := len(chunk); left > 0; {
			msgs, err := k.dumps.receive()
			if err != nil {
				return nil, err
			}
			for _, m := range msgs {
				if i := m.Header.Seq - first; i < uint32(len(answers)) {
					answers[i] = answerOf(m)
					left--
				}
			}
		}
		all = append(all, answers...)
	}
	return all, nil
}

func answerOf(m syscall.NetlinkMessage) answer {
	switch {
	case m.Header.Type == unix.RTM_NEWROUTE && len(m.Data) >= unix.SizeofRtMsg:
		head := nl.DeserializeRtMsg(m.Data)
		return answer{route: head, attrs: attrs(m.Data[head.Len():])}
	case m.Header.Type == unix.RTM_NEWADDR && len(m.Data) >= unix.SizeofIfAddrmsg:
		return answer{addr: nl.DeserializeIfAddrmsg(m.Data)}
	}
	return answer{}
}

// paths returns how packets of this host with their marks leave, the zero Path
// when they do not.
func (k *Kernel) paths(queries []plan.PathQuery, links *linkTable) (map[plan.PathQuery]routing.Path, error) {
	var reqs []*nl.NetlinkRequest
	for _, q := range queries {
		reqs = append(reqs, k.routeQuery(q.To, q.Mark, 0))
	}
	answers, err := k.ask(reqs)
	paths := map[plan.PathQuery]routing.Path{}
	for i, a := range answers {
		var p routing.Path
		if a.route != nil && a.route.Type == unix.RTN_UNICAST {
			r := parseRoute(a.route, a.attrs, links)
			p = routing.Path{Dev: r.Dev, Via: r.Via, MTU: r.MTU}
		}
		paths[queries[i]] = p
	}
	if err != nil {
		return paths, err
	}
	return paths, k.configuredMTUs(paths)
}

// configuredMTUs puts the MTU that is configured for a route, 0 for none, in the
// place of one that was learned from ICMP: that one comes and goes, and the
// kernel itself follows it.
func (k *Kernel) configuredMTUs(paths map[plan.PathQuery]routing.Path) error {
	var unclear []plan.PathQuery
	var reqs []*nl.NetlinkRequest
	for q, p := range paths {
		if p.MTU != 0 {
			unclear = append(unclear, q)
			reqs = append(reqs, k.routeQuery(q.To, q.Mark, rtmFFIBMatch))
		}
	}
	answers, err := k.ask(reqs)
	for i, a := range answers {
		p := paths[unclear[i]]
		p.MTU = number(attrs(a.attrs[unix.RTA_METRICS])[unix.RTAX_MTU])
		paths[unclear[i]] = p
	}
	return err
}
