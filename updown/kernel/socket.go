package kernel

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// socket is a netlink socket for rtnetlink(7). That of the nl package goes
// through the poller of the runtime and clears 64 kB for each answer, which takes
// longer than the kernel needs for it: it answers before the call that asks is over.
type socket struct {
	fd  int
	pid uint32 // port ID (netlink(7))
	seq uint32 // of the last request
	buf []byte
}

// receiveBuffer is larger than all that the kernel sends in one datagram
// (netlink_dump and NLMSG_GOODSIZE give 32 kB at most).
const receiveBuffer = 64 << 10

// openSocket opens a socket in the network namespace of the calling thread.
func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, buf: make([]byte, receiveBuffer)}
	if err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err == nil {
		var own unix.Sockaddr
		if own, err = unix.Getsockname(fd); err == nil {
			s.pid = own.(*unix.SockaddrNetlink).Pid
			return s, nil
		}
	}
	s.close()
	return nil, err
}

func (s *socket) close() { unix.Close(s.fd) }

// number gives a request the next sequence number.
func (s *socket) number(req *nl.NetlinkRequest) {
	s.seq++
	req.Seq = s.seq
}

// send sends messages in one system call.
func (s *socket) send(messages []byte) error {
	return unix.Sendto(s.fd, messages, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// receive returns the next messages of the kernel to this socket.
func (s *socket) receive() ([]syscall.NetlinkMessage, error) {
	for {
		n, from, err := unix.Recvfrom(s.fd, s.buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		}
		if kernel, ok := from.(*unix.SockaddrNetlink); !ok || kernel.Pid != nl.PidKernel {
			continue
		}
		msgs, err := syscall.ParseNetlinkMessage(slices.Clone(s.buf[:n]))
		return slices.DeleteFunc(msgs, func(m syscall.NetlinkMessage) bool { return m.Header.Pid != s.pid }), err
	}
}

// execute sends a request and calls each for the messages of its answer that are
// of the type reply. The error is nl.ErrDumpInterrupted if something changed
// between the parts of the answer.
func (s *socket) execute(req *nl.NetlinkRequest, reply uint16, each func(msg []byte)) error {
	s.number(req)
	if err := s.send(req.Serialize()); err != nil {
		return err
	}
	interrupted := false
	for {
		msgs, err := s.receive()
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if m.Header.Seq != req.Seq {
				continue
			}
			interrupted = interrupted || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
			last := m.Header.Flags&unix.NLM_F_MULTI == 0
			switch m.Header.Type {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				last = true
				if m.Header.Type == unix.NLMSG_ERROR || len(m.Data) > 0 {
					if err := ackError(m); err != nil {
						return err
					}
				}
			case reply:
				each(m.Data)
			}
			if last && interrupted {
				return nl.ErrDumpInterrupted
			} else if last {
				return nil
			}
		}
	}
}

// one sends a request that is answered by one message, which it returns.
func (s *socket) one(req *nl.NetlinkRequest, reply uint16) (msg []byte, err error) {
	err = s.execute(req, reply, func(m []byte) { msg = m })
	if err == nil && msg == nil {
		err = fmt.Errorf("no answer: %w", unix.EBADMSG)
	}
	return msg, err
}
