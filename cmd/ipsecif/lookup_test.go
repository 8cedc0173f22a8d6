package main

import (
	"context"
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"testing"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// answers has what a name server knows of any name, by type of question.
var answers = map[uint16]netip.Addr{1: netip.MustParseAddr("192.0.2.1"), 28: netip.MustParseAddr("2001:db8::1")}

// answer returns the reply to a message with one question (RFC 1035, section 4).
func answer(message []byte) []byte {
	const header = 12
	end := header
	for message[end] != 0 {
		end += 1 + int(message[end])
	}
	question := message[header : end+5]
	a := answers[binary.BigEndian.Uint16(question[len(question)-4:])].AsSlice()
	reply := append([]byte{message[0], message[1], 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0}, question...)
	reply = append(reply, 0xc0, header)
	reply = append(reply, question[len(question)-4:]...)
	reply = append(reply, 0, 0, 0, 0, 0, byte(len(a)))
	return append(reply, a...)
}

// serve answers the questions of the resolver of this process.
func serve(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		message := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(message)
			if err != nil {
				return // closed
			}
			if _, err := server.WriteTo(answer(message[:n]), from); err != nil {
				t.Error(err)
			}
		}
	}()
	usual := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = usual
		server.Close()
		<-done
	})
}

// TestLookup looks a name up in both families when conns of both have it.
func TestLookup(t *testing.T) {
	serve(t)
	to := func(f conn.Family, name string) conn.Conn {
		c := conn.Conn{Family: f}
		c.Right.Host = conn.Host{Kind: conn.HostName, Name: name}
		return c
	}
	got := lookup([]conn.Conn{to(conn.IPv4, "peer.example."), to(conn.IPv6, "peer.example."), to(conn.IPv4, "peer.example."), to(conn.IPv6, "six.example.")})
	want := plan.Names{
		{Host: "peer.example.", Family: conn.IPv4}: answers[1],
		{Host: "peer.example.", Family: conn.IPv6}: answers[28],
		{Host: "six.example.", Family: conn.IPv6}:  answers[28],
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
