package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"syscall"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// sas adds the working SAs with the given if_ids to the facts, with ends only
// those between them. The kernel can select SAs by their addresses, but not by
// if_id, so without ends it sends all.
//
// Messages about SAs carry their keys. They are read into one buffer, of which
// only what plan.SA has is copied, and which is cleared after each read; the
// functions of the netlink library leave copies behind.
func (k *Kernel) sas(f *plan.Facts, ids []xfrmi.IfID, ends []plan.Ends) error {
	if len(ids) == 0 {
		return nil
	}
	asked := map[xfrmi.IfID]bool{}
	for _, id := range ids {
		asked[id] = true
	}
	filters := []*nl.RtAttr{nil}
	if ends != nil {
		filters = nil
		for _, e := range ends {
			filters = append(filters, between(e[0], e[1]), between(e[1], e[0]))
		}
	}
	var found []plan.SA
	var err error
	for _, filter := range filters {
		var some []plan.SA
		if some, err = readSAs(filter, asked); err != nil {
			break
		}
		found = append(found, some...)
	}
	if f.NoSAs = errors.Is(err, unix.EPERM); f.NoSAs {
		return nil
	}
	if err == nil {
		err = k.direct(found)
	}
	if err != nil {
		return fmt.Errorf("reading SAs: %w", err)
	}
	slices.SortFunc(found, plan.CompareSAs)
	f.SAs = map[xfrmi.IfID][]plan.SA{}
	for _, id := range ids {
		f.SAs[id] = nil
	}
	for _, sa := range found {
		f.SAs[sa.IfID] = append(f.SAs[sa.IfID], sa)
	}
	return nil
}

// between returns the attribute that limits a dump to the SAs from one address
// to another (struct xfrm_address_filter of linux/xfrm.h).
func between(src, dst netip.Addr) *nl.RtAttr {
	const size, family, srcLen, dstLen = 36, 32, 34, 35
	b := make([]byte, size)
	copy(b, src.AsSlice())
	copy(b[16:], dst.AsSlice())
	binary.NativeEndian.PutUint16(b[family:], uint16(routing.FamilyOf(dst)))
	b[srcLen], b[dstLen] = byte(src.BitLen()), byte(dst.BitLen())
	return nl.NewRtAttr(nl.XFRMA_ADDRESS_FILTER, b)
}

// readSAs returns the SAs of one dump with the if_ids that are asked for. The
// filter may be nil.
func readSAs(filter *nl.RtAttr, asked map[xfrmi.IfID]bool) (found []plan.SA, err error) {
	for range dumpTries {
		found = nil
		err = dumpSAs(filter, func(msg []byte) {
			if sa, ok := parseSA(msg, asked); ok {
				found = append(found, sa)
			}
		})
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			break
		}
	}
	return found, err
}

// direct gives SAs that carry no direction the one that follows from which of
// their addresses is this host's.
func (k *Kernel) direct(list []plan.SA) error {
	ours := map[netip.Addr]bool{}
	for _, sa := range list {
		if sa.Direction == 0 {
			ours[sa.Src] = false
		}
	}
	found, err := k.locals(slices.Collect(maps.Keys(ours)))
	for _, l := range found {
		ours[l.Addr] = true
	}
	for i := range list {
		switch sa := &list[i]; {
		case sa.Direction != 0:
		case ours[sa.Src]:
			sa.Direction = plan.Out
		default:
			sa.Direction = plan.In
		}
	}
	return err
}

// dumpSAs calls each for the payload of every message of a dump; the payload is
// valid only until each returns.
func dumpSAs(filter *nl.RtAttr, each func(msg []byte)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_XFRM)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil // a kernel without IPsec has no SAs
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req := nl.NewNetlinkRequest(nl.XFRM_MSG_GETSA, unix.NLM_F_DUMP)
	if filter != nil {
		req.AddData(filter)
	}
	if err := unix.Sendto(fd, req.Serialize(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, nl.RECEIVE_BUFFER_SIZE)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		done, err := eachMessage(buf[:n], each)
		clear(buf[:n])
		if done || err != nil {
			return err
		}
	}
}

// eachMessage calls each for the payloads in one datagram of a dump, and
// reports whether it was the last.
func eachMessage(b []byte, each func(msg []byte)) (done bool, err error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return false, unix.EBADMSG
		}
		payload := b[unix.NLMSG_HDRLEN:size]
		switch {
		case flags&unix.NLM_F_DUMP_INTR != 0:
			return false, nl.ErrDumpInterrupted
		case kind == unix.NLMSG_DONE, kind == unix.NLMSG_ERROR:
			return true, ackError(syscall.NetlinkMessage{Data: payload})
		}
		each(payload)
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return false, nil
}

// parseSA reads a struct xfrm_usersa_info with its attributes. It leaves out SAs
// of other if_ids than those asked for, and those that have no algorithm yet,
// because their negotiation is still going on.
func parseSA(msg []byte, asked map[xfrmi.IfID]bool) (plan.SA, bool) {
	if len(msg) < nl.SizeofXfrmUsersaInfo {
		return plan.SA{}, false
	}
	a := attrs(msg[nl.SizeofXfrmUsersaInfo:])
	id := xfrmi.IfID(number(a[nl.XFRMA_IF_ID]))
	if !asked[id] {
		return plan.SA{}, false
	}
	head := nl.DeserializeXfrmUsersaInfo(msg)
	sa := plan.SA{
		IfID:  id,
		Src:   xfrmAddress(head.Saddr, head.Family),
		Dst:   xfrmAddress(head.Id.Daddr, head.Family),
		Proto: head.Id.Proto,
		SPI:   nl.Swap32(head.Id.Spi),
		Reqid: head.Reqid,
		Mode:  xfrmi.Mode(head.Mode),

		Traffic: plan.Traffic{Bytes: head.Curlft.Bytes, Packets: head.Curlft.Packets},
		Since:   head.Curlft.AddTime,
	}
	if v := number(a[nl.XFRMA_SET_MARK]); v != 0 {
		sa.MarkOut = routing.Mark{Value: v, Mask: math.MaxUint32}
		if mask := a[nl.XFRMA_SET_MARK_MASK]; mask != nil { // Linux 4.19
			sa.MarkOut.Mask = number(mask)
		}
	}
	if dir := a[nl.XFRMA_SA_DIR]; len(dir) == 1 { // Linux 6.10, if the IKE daemon says so
		sa.Direction = plan.Direction(dir[0])
	}
	if sa.Proto != plan.ProtoESP {
		return sa, a[nl.XFRMA_ALG_AUTH] != nil || a[nl.XFRMA_ALG_COMP] != nil
	}
	cipher, ok := cipherOf(a)
	sa.ESP = xfrmi.ESP{
		Mode: sa.Mode, IPv6: head.Family == unix.AF_INET6, Cipher: cipher,
		UDP: a[nl.XFRMA_ENCAP] != nil,
	}
	return sa, ok
}

// Where the second number of struct xfrm_algo_aead and xfrm_algo_auth is, the
// length of the ICV in bits, after the name and the length of the key.
const (
	algoNameLen = 64
	algoICVLen  = algoNameLen + 4
)

// cipherOf returns the sizes of the algorithms of an ESP SA.
func cipherOf(a map[uint16][]byte) (xfrmi.Cipher, bool) {
	if aead := a[nl.XFRMA_ALG_AEAD]; len(aead) >= nl.SizeofXfrmAlgoAEAD {
		return xfrmi.CipherOf(text(aead[:algoNameLen]), int(number(aead[algoICVLen:])/8)), true
	}
	crypt := a[nl.XFRMA_ALG_CRYPT]
	if len(crypt) < nl.SizeofXfrmAlgo {
		return xfrmi.Cipher{}, false
	}
	icv := 0
	if auth := a[nl.XFRMA_ALG_AUTH_TRUNC]; len(auth) >= nl.SizeofXfrmAlgoAuth {
		icv = int(number(auth[algoICVLen:]) / 8)
	}
	return xfrmi.CipherOf(text(crypt[:algoNameLen]), icv), true
}

func xfrmAddress(a nl.XfrmAddress, family uint16) netip.Addr {
	if family == unix.AF_INET {
		return netip.AddrFrom4([4]byte(a[:4]))
	}
	return netip.AddrFrom16(a)
}
