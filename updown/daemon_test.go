package updown_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// sa is what an IKE daemon does: "NAME IF_ID PEER" makes SAs, perhaps with SPI,
// reqid and the mark that they put on packets; "none" takes all away, "del SPI"
// those with an SPI.
func (s *story) sa(rest string) {
	words := strings.Fields(rest)
	if rest == "none" {
		s.kernel.SAs = nil
		return
	}
	var spi, reqid, mark uint32
	if words[0] == "del" {
		if _, err := fmt.Sscan(words[1], &spi); err != nil {
			s.t.Fatalf("sa %s: %v", rest, err)
		}
		s.kernel.SAs = slices.DeleteFunc(s.kernel.SAs, func(sa plan.SA) bool { return sa.SPI == spi })
		return
	}
	var name, peer string
	var id xfrmi.IfID
	for i, into := range []any{&name, &id, &peer, &spi, &reqid, &mark} {
		if i == len(words) && i >= 3 {
			break
		}
		if _, err := fmt.Sscan(words[i], into); err != nil {
			s.t.Fatalf("sa %s: %v", rest, err)
		}
	}
	esp, ok := sas[name]
	if !ok {
		s.t.Fatalf("sa %s: there is no %s", rest, name)
	}
	ours, theirs := netip.MustParseAddr("192.1.3.209"), netip.MustParseAddr(peer)
	sa := plan.SA{IfID: id, Direction: plan.In, Src: theirs, Dst: ours, Proto: plan.ProtoESP, SPI: spi, Reqid: reqid, Mode: esp.Mode, ESP: sas["cbc-udp"]}
	if mark != 0 {
		sa.MarkOut = routing.Mark{Value: mark, Mask: 1<<32 - 1}
	}
	s.kernel.SAs = append(s.kernel.SAs, sa)
	sa.Direction, sa.Src, sa.Dst, sa.ESP = plan.Out, ours, theirs, esp
	s.kernel.SAs = append(s.kernel.SAs, sa)
}

// hook is a call of an IKE daemon. A story without an ipsec.conf has none.
func (s *story) hook(words []string) {
	env := append(words[1:], strings.Split(s.files[words[0]], "\n")...)
	event, err := hook.Parse(env)
	if err != nil {
		s.fail(err)
		return
	}
	f, base := &conn.File{}, conn.Setup{}.Conn(event.Conn)
	if text, ok := s.files[s.conf]; ok {
		var ds conn.Diagnostics
		f, ds = conn.Load(mapFS{fstest.MapFS{"ipsec.conf": {Data: []byte(text)}}}, "ipsec.conf")
		s.fail(ds.Err())
		setup, _ := f.Settings()
		base = setup.Conn(event.Conn)
		if conns, ds := f.Lookup(event.Conn); len(conns) > 0 {
			s.fail(ds.Err())
			base = conns[0]
		}
	}
	p, _, err := s.engine(f).Hook(event, base)
	s.outcome(p, err)
}

// claimedFor returns the names of conns, and of what IKE daemons have claimed
// for them.
func (s *story) claimedFor(e *updown.Engine, names []string) []string {
	all := slices.Clone(names)
	for _, name := range names {
		claimed, err := e.ClaimedAs(name)
		s.fail(err)
		for _, c := range claimed {
			if c != name && hook.ConnOf(c) == name {
				all = append(all, c)
			}
		}
	}
	return all
}
