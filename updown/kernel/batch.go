package kernel

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// batch sends messages in one system call, in which the kernel works through
// all of them, and returns the error of each. Only the last is acknowledged in
// any case, those that fail always are (netlink_rcv_skb).
func (k *Kernel) batch(reqs []*nl.NetlinkRequest) []error {
	errs := make([]error, len(reqs))
	first := k.change.seq + 1
	var buf []byte
	for i, req := range reqs {
		k.change.number(req)
		if i < len(reqs)-1 {
			req.Flags &^= unix.NLM_F_ACK
		}
		buf = append(buf, req.Serialize()...)
	}
	if err := k.exchange(buf, first, errs); err != nil {
		for i := range errs { // nobody knows which of them were done
			errs[i] = err
		}
	}
	return errs
}

// exchange sends messages with ascending sequence numbers and sets the errors of
// those that fail.
func (k *Kernel) exchange(buf []byte, first uint32, errs []error) error {
	if err := k.change.send(buf); err != nil {
		return err
	}
	for {
		msgs, err := k.change.receive()
		if err != nil {
			return err
		}
		for _, m := range msgs {
			i := m.Header.Seq - first
			if m.Header.Type != unix.NLMSG_ERROR || i >= uint32(len(errs)) {
				continue
			}
			errs[i] = ackError(m)
			if i == uint32(len(errs)-1) {
				return nil
			}
		}
	}
}

// ackError returns the error of an acknowledgement with the kernel's own
// message, nil for success (linux/netlink.h, struct nlmsgerr).
func ackError(m syscall.NetlinkMessage) error {
	if len(m.Data) < 4 {
		return unix.EBADMSG
	}
	code := int32(nl.NativeEndian().Uint32(m.Data))
	if code == 0 {
		return nil
	}
	err := error(syscall.Errno(-code))
	rest := m.Data[4:]
	if m.Header.Flags&unix.NLM_F_ACK_TLVS == 0 || len(rest) < syscall.SizeofNlMsghdr {
		return err
	}
	echoed := int(nl.NativeEndian().Uint32(rest))
	if m.Header.Flags&unix.NLM_F_CAPPED != 0 {
		echoed = syscall.SizeofNlMsghdr
	}
	if echoed > len(rest) {
		return err
	}
	if text := attrs(rest[echoed:])[unix.NLMSGERR_ATTR_MSG]; len(text) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimRight(string(text), "\x00"))
	}
	return err
}
