package conn

import (
	"strconv"
	"strings"
)

// protocolWord is a name of an IP protocol and where libreswan takes it: a
// selector knows only the names that are built in, leftprotoport= knows those of
// /etc/protocols as well, but of the built-in ones only the first that the word
// begins with.
type protocolWord struct {
	name   string
	number uint8
	places protocolPlace
}

// protocolPlace tells in which keys a name may be written.
type protocolPlace uint8

const (
	inSelector protocolPlace = 1 << iota
	inProtoPort
	anyPlace = inSelector | inProtoPort
)

// protocols are the names that libreswan has built in and the usual ones of
// /etc/protocols. Files of the host are not read here. The first name of a
// number is the one that is printed.
var protocols = []protocolWord{
	{"icmp", 1, anyPlace}, {"igmp", 2, anyPlace}, {"ipencap", 4, inProtoPort}, {"tcp", 6, anyPlace}, {"egp", 8, anyPlace}, {"igp", 9, anyPlace},
	{"udp", 17, anyPlace}, {"dccp", 33, anyPlace}, {"ipv6", 41, anyPlace}, {"rsvp", 46, anyPlace}, {"gre", 47, anyPlace}, {"esp", 50, anyPlace},
	{"ah", 51, anyPlace}, {"ipv6-icmp", 58, anyPlace}, {"ospf", 89, inProtoPort}, {"ipip", 94, anyPlace}, {"pim", 103, anyPlace},
	{"comp", 108, anyPlace}, {"ipcomp", 108, anyPlace}, {"vrrp", 112, anyPlace}, {"l2tp", 115, anyPlace}, {"sctp", 132, anyPlace},
	{"udplite", 136, inSelector},
}

// ports are the names of /etc/services that make sense in a selector.
var ports = []struct {
	name   string
	number uint16
}{
	{"ssh", 22}, {"telnet", 23}, {"smtp", 25}, {"domain", 53}, {"bootps", 67}, {"bootpc", 68}, {"tftp", 69},
	{"http", 80}, {"ntp", 123}, {"snmp", 161}, {"bgp", 179}, {"ldap", 389}, {"https", 443}, {"isakmp", 500}, {"syslog", 514},
	{"ldaps", 636}, {"l2f", 1701}, {"l2tp", 1701}, {"radius", 1812}, {"nfs", 2049}, {"ipsec-nat-t", 4500},
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }

// protocolName returns the name of a protocol that may be written in a place,
// or its number.
func protocolName(number uint8, place protocolPlace) string {
	for _, p := range protocols {
		if p.number == number && p.places&place != 0 {
			return p.name
		}
	}
	return decimal(uint64(number))
}

// parseProtocol reads the name or number of an IP protocol.
func parseProtocol(s string, place protocolPlace) (uint8, *problem) {
	for _, p := range protocols {
		if equalFold(p.name, s) && p.places&place != 0 {
			return p.number, nil
		}
	}
	v, p := parseNumber(s)
	if p != nil || v > 255 {
		return 0, &problem{text: quote(s) + " is not a protocol", hint: "write its number, 0 to 255"}
	}
	return uint8(v), nil
}

// parsePort reads the name or number of a port.
func parsePort(s string) (uint16, *problem) {
	for _, p := range ports {
		if equalFold(p.name, s) {
			return p.number, nil
		}
	}
	v, p := parseNumber(s)
	if p != nil || v > 65535 {
		return 0, &problem{text: quote(s) + " is not a port", hint: "write its number, 0 to 65535"}
	}
	return uint16(v), nil
}

// parseProtoPort reads PROTOCOL, PROTOCOL/PORT or PROTOCOL/%any.
func parseProtoPort(s string) (ProtoPort, *problem) {
	proto, port, _ := strings.Cut(s, "/")
	pp := ProtoPort{Set: true}
	if proto == "" {
		return pp, &problem{text: "the protocol is missing"}
	}
	if !equalFold("%any", proto) {
		var p *problem
		if pp.Protocol, p = parseProtocol(proto, inProtoPort); p != nil {
			return ProtoPort{}, p
		}
	}
	switch {
	case port == "":
		return pp, nil
	case equalFold("%any", port):
		if equalFold("%any", proto) {
			return ProtoPort{}, &problem{text: "the port %any needs a protocol"}
		}
		pp.AnyPort = true
		return pp, nil
	}
	number, p := parsePort(port)
	if p != nil {
		p.at = len(proto) + 1
		return ProtoPort{}, p
	}
	if pp.Protocol == 0 && number != 0 {
		return ProtoPort{}, &problem{text: "a port needs a protocol"}
	}
	pp.Port = number
	return pp, nil
}

// parseUpdownConfig reads the flags of leftupdown-config=.
func parseUpdownConfig(s string, u *Updown) *problem {
	for _, f := range splitList(s) {
		switch {
		case equalFold("exec", f.text):
			u.Exec = true
		case equalFold("async", f.text):
			u.Async = true
		default:
			return &problem{at: f.at, text: quote(f.text) + " is not exec or async"}
		}
	}
	return nil
}
