package kernel

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// batch sends messages in one system call, in which the kernel works through
// all of them, and reads one acknowledgement for each. It returns the index
// and error of the first that failed.
func (k *Kernel) batch(reqs []*nl.NetlinkRequest) (int, error) {
	socket := k.change.Socket
	var buf []byte
	byRequest := map[uint32]int{}
	for i, req := range reqs {
		k.change.Seq++
		req.Seq = k.change.Seq
		byRequest[req.Seq] = i
		buf = append(buf, req.Serialize()...)
	}
	if err := unix.Sendto(socket.GetFd(), buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	failed, failure := 0, error(nil)
	for len(byRequest) > 0 {
		msgs, _, err := socket.Receive()
		if err != nil {
			return 0, err
		}
		for _, m := range msgs {
			i, ours := byRequest[m.Header.Seq]
			if !ours || m.Header.Type != unix.NLMSG_ERROR {
				continue
			}
			delete(byRequest, m.Header.Seq)
			if err := ackError(m); err != nil && (failure == nil || i < failed) {
				failed, failure = i, err
			}
		}
	}
	return failed, failure
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
