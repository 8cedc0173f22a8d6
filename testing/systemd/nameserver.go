// Package systemd shows, beside real systemd in the lab, what services on the
// bus and the journal get to know of tunnels.
package systemd

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
)

// header is the length of the header of a message (RFC 1035, section 4.1.1).
const header = 12

// Serve is a name server on all addresses that answers every question for an
// IPv4 address with its own one, and prints the names.
func Serve(own string) error {
	c, err := net.ListenPacket("udp4", ":53")
	if err != nil {
		return err
	}
	message := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(message)
		if err != nil {
			return err
		}
		name, reply, err := answer(message[:n], net.ParseIP(own).To4())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		fmt.Println(name)
		if _, err := c.WriteTo(reply, from); err != nil {
			return err
		}
	}
}

// answer reads the question of a message and returns its name and the reply.
func answer(message []byte, own []byte) (name string, reply []byte, err error) {
	var labels []string
	at := header
	for at < len(message) && message[at] != 0 {
		end := at + 1 + int(message[at])
		if end > len(message) {
			break
		}
		labels = append(labels, string(message[at+1:end]))
		at = end
	}
	end := at + 1 + 4 // the zero, type and class
	if end > len(message) {
		return "", nil, fmt.Errorf("message %x has no question", message)
	}
	const typeA = 1
	isA := binary.BigEndian.Uint16(message[at+1:]) == typeA
	reply = append(reply, message[:end]...)
	copy(reply[2:header], []byte{0x84, 0x00, 0, 1, 0, 0, 0, 0, 0, 0}) // an authority's answer to one question
	if isA {
		reply[7] = 1                                                      // answer
		reply = append(reply, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // to that name, type A, class IN, for 0 seconds
		reply = append(reply, own...)
	}
	return strings.Join(labels, "."), reply, nil
}
