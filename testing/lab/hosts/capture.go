package hosts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// captureBuffer is how much may wait in the kernel while the guest's only processor does something else.
	captureBuffer = 256 << 20
	// captureLen is how much of each packet is read: all headers up to an ESP header.
	captureLen = 256
	// captureMax bounds the memory of a capture that a test forgot to stop.
	captureMax = 5_000_000
)

// Capture reads every frame that crosses a segment until Stop is called.
type Capture struct {
	segment string
	fd      int
	stop    int // an eventfd
	parser  *parser
	packets Packets
	done    chan error
}

// Capture starts a capture on a segment of the network, such as "192.1.3". What is sent after it returns is seen.
func (n *Network) Capture(segment string) (*Capture, error) {
	c := &Capture{segment: segment, parser: newParser(), done: make(chan error, 1)}
	if err := n.wire.do(c.open); err != nil {
		return nil, fmt.Errorf("capturing on segment %s: %w", segment, err)
	}
	go func() { c.done <- c.read() }()
	return c, nil
}

// open makes the packet socket; it runs in the namespace of the segments.
func (c *Capture) open() (err error) {
	link, err := netlink.LinkByName(c.segment)
	if err != nil {
		return err
	}
	// No protocol yet: nothing is received before the socket is bound to its segment.
	if c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return fmt.Errorf("opening a packet socket: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unix.Close(c.fd))
		}
	}()
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer); err != nil {
		return fmt.Errorf("setting the buffer size: %w", err)
	}
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("asking for time stamps: %w", err)
	}
	if c.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return err
	}
	all := &unix.SockaddrLinklayer{Protocol: hostToNet16(unix.ETH_P_ALL), Ifindex: link.Attrs().Index}
	if err := unix.Bind(c.fd, all); err != nil {
		return errors.Join(fmt.Errorf("binding to the segment: %w", err), unix.Close(c.stop))
	}
	return nil
}

// read collects packets until stop is signalled and nothing waits any more. It lets them gather for a while: to be woken for each packet
// would slow down the hosts, with whom it shares the processor.
func (c *Capture) read() error {
	const interval = 20 // ms
	polls := []unix.PollFd{{Fd: int32(c.stop), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(polls, interval); err != nil && err != unix.EINTR {
			return err
		}
		stopped := polls[0].Revents != 0 // before the last look, so that nothing sent before Stop is missed
		if err := c.readWaiting(); err != nil || stopped {
			return err
		}
	}
}

func (c *Capture) readWaiting() error {
	data, control := make([]byte, captureLen), make([]byte, 128)
	for {
		n, oobn, _, from, err := unix.Recvmsg(c.fd, data, control, unix.MSG_TRUNC)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case len(c.packets) == captureMax:
			return fmt.Errorf("more than %d packets", captureMax)
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue // the bridge itself sends nothing; the ports' frames come in
		}
		p := c.parser.parse(data[:min(n, len(data))], n)
		p.Time = timestamp(control[:oobn])
		c.packets = append(c.packets, p)
	}
}

// Stop ends the capture and returns what crossed the segment until now. It is an error when the kernel had to drop a packet.
func (c *Capture) Stop() (Packets, error) {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	if _, err := unix.Write(c.stop, one[:]); err != nil {
		return nil, fmt.Errorf("stopping the capture on %s: %w", c.segment, err)
	}
	err := <-c.done
	stats, statsErr := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	err = errors.Join(err, statsErr, unix.Close(c.fd), unix.Close(c.stop))
	if statsErr == nil && stats.Drops > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d packets were lost", stats.Drops, stats.Packets))
	}
	if err != nil {
		return nil, fmt.Errorf("capture on %s: %w", c.segment, err)
	}
	return c.packets, nil
}

// timestamp is the time at which the kernel received the packet.
func timestamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return time.Unix(ts.Unix())
		}
	}
	return time.Time{}
}

func hostToNet16(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
