package scenario_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// ethernetHeader is what a frame has before the IP packet, in bytes.
const ethernetHeader = 14

// largest KIND BYTES ends the recording: the largest IP packet of a kind has so
// many bytes.
func largest(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "largest KIND BYTES")
	s := of(ts)
	s.stop(ts)
	most := 0
	for _, p := range s.packets {
		if p.Kind == hosts.Kind(words[0]) {
			most = max(most, p.Len-ethernetHeader)
		}
	}
	if strconv.Itoa(most) != words[1] {
		ts.Fatalf("the largest packet has %d bytes, want %s, in\n%s", most, words[1], s.packets)
	}
}

// transfer CLIENT SERVER ADDRESS BYTES sends bytes over a TCP connection, and
// prints the MSS with which each end sends: what the other end has offered, as it
// arrived, less options.
func transfer(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 4, "transfer CLIENT SERVER ADDRESS BYTES")
	size, err := strconv.Atoi(words[3])
	ts.Check(err)
	s := of(ts)
	deadline := time.Now().Add(patience)
	listener, client, err := s.connect(words[0], words[1], netip.MustParseAddr(words[2]), deadline)
	if listener != nil {
		defer listener.Close()
	}
	ts.Check(err)
	defer client.Close()
	server, err := listener.AcceptTCP()
	ts.Check(err)
	defer server.Close()
	ts.Check(server.SetDeadline(deadline))
	received := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, server)
		received <- n
	}()
	_, err = client.Write(make([]byte, size))
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "client sends with mss %d\nserver sends with mss %d\n", mss(ts, client), mss(ts, server))
	ts.Check(client.CloseWrite())
	n := <-received
	if done := n == int64(size); done == neg {
		ts.Fatalf("%d of %d bytes arrived", n, size)
	}
}

// connect makes a TCP connection between two hosts.
func (s *scenario) connect(from, to string, addr netip.Addr, deadline time.Time) (listener *net.TCPListener, client *net.TCPConn, err error) {
	err = s.host(to).Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if err := listener.SetDeadline(deadline); err != nil {
		return listener, nil, err
	}
	err = s.host(from).Do(func() error {
		dialer := net.Dialer{Deadline: deadline}
		c, err := dialer.Dial("tcp", listener.Addr().String())
		if err != nil {
			return err
		}
		client = c.(*net.TCPConn)
		return client.SetDeadline(deadline)
	})
	return listener, client, err
}

// mss returns the size of the segments that a connection sends.
func mss(ts *testscript.TestScript, c *net.TCPConn) (n int) {
	raw, err := c.SyscallConn()
	ts.Check(err)
	ts.Check(control(raw, func(fd int) (err error) {
		n, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG)
		return err
	}))
	return n
}

func control(raw syscall.RawConn, do func(fd int) error) error {
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}
