package hosts

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoAnswer is the cause in the error of Ping when nobody answered.
var ErrNoAnswer = errors.New("no answer")

// Three echoes, because the first may be lost while a neighbour or an SA is being found.
const (
	pingCount = 3
	pingWait  = 500 * time.Millisecond
)

// Ping sends up to three ICMP echoes, half a second apart, and returns with the first answer. A src that is not valid means: what routing chooses.
// No answer gives [ErrNoAnswer]; an error of the kernel, such as "no route to host", is returned as it is.
func (h *Host) Ping(ctx context.Context, src, dst netip.Addr) error {
	err := h.Do(func() error { return ping(ctx, src, dst) })
	switch {
	case err == nil:
		return nil
	case src.IsValid():
		return fmt.Errorf("%s: ping from %s to %s: %w", h.Name, src, dst, err)
	}
	return fmt.Errorf("%s: ping to %s: %w", h.Name, dst, err)
}

func ping(ctx context.Context, src, dst netip.Addr) error {
	family, proto := unix.AF_INET, unix.IPPROTO_ICMP
	if dst.Is6() {
		family, proto = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	defer unix.Close(fd)
	if src.IsValid() {
		if err := unix.Bind(fd, sockaddr(src)); err != nil {
			return fmt.Errorf("binding: %w", err)
		}
	}
	if err := unix.Connect(fd, sockaddr(dst)); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	secret := make([]byte, 16) // tells our answers from others'
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	for i := range pingCount {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := unix.Write(fd, echoRequest(dst.Is6(), uint16(i), secret)); err != nil {
			return err
		}
		answered, err := awaitEcho(fd, dst.Is6(), secret, time.Now().Add(pingWait))
		if answered || err != nil {
			return err
		}
	}
	return ErrNoAnswer
}

// awaitEcho reads until the answer with our payload comes or the time is over.
func awaitEcho(fd int, v6 bool, secret []byte, deadline time.Time) (bool, error) {
	const echoReply, echoReply6 = 0, 129 // RFC 792, RFC 4443
	buf := make([]byte, 2048)
	for {
		rest := time.Until(deadline)
		if rest <= 0 {
			return false, nil
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(rest.Milliseconds())+1)
		if err == unix.EINTR || err == nil && n == 0 {
			continue
		}
		if err != nil {
			return false, err
		}
		if n, err = unix.Read(fd, buf); err != nil {
			return false, err
		}
		message, reply := buf[:n], byte(echoReply6)
		if !v6 {
			if n < 20 {
				continue
			}
			message, reply = message[min(n, int(message[0]&0xf)*4):], echoReply // raw IPv4 sockets deliver the IP header too
		}
		if len(message) >= 8 && message[0] == reply && bytes.Equal(message[8:], secret) {
			return true, nil
		}
	}
}

func echoRequest(v6 bool, seq uint16, payload []byte) []byte {
	const echo, echo6 = 8, 128 // RFC 792, RFC 4443
	m := make([]byte, 8, 8+len(payload))
	m[0] = echo
	if v6 {
		m[0] = echo6
	}
	copy(m[4:], payload[:2]) // identifier
	binary.BigEndian.PutUint16(m[6:], seq)
	m = append(m, payload...)
	if !v6 { // the kernel computes that of ICMPv6
		binary.BigEndian.PutUint16(m[2:], internetChecksum(m))
	}
	return m
}

// internetChecksum is the checksum of RFC 1071 over data of even length.
func internetChecksum(data []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func sockaddr(addr netip.Addr) unix.Sockaddr {
	if addr.Is6() {
		return &unix.SockaddrInet6{Addr: addr.As16()}
	}
	return &unix.SockaddrInet4{Addr: addr.As4()}
}
