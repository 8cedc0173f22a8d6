package conn

import (
	"strconv"
	"strings"
)

// protocols are the names that libreswan has built in and the usual ones of
// /etc/protocols. Files of the host are not read here. The first name of a
// number is the one that is printed.
var protocols = []struct {
	name   string
	number uint8
}{
	{"icmp", 1}, {"igmp", 2}, {"ipencap", 4}, {"ipip", 4}, {"ip-encap", 4}, {"tcp", 6}, {"egp", 8}, {"igp", 9}, {"udp", 17}, {"dccp", 33},
	{"ipv6", 41}, {"rsvp", 46}, {"gre", 47}, {"esp", 50}, {"ah", 51}, {"ipv6-icmp", 58}, {"icmp6", 58},
	{"ospf", 89}, {"pim", 103}, {"comp", 108}, {"ipcomp", 108}, {"vrrp", 112}, {"l2tp", 115}, {"sctp", 132}, {"udplite", 136},
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

// protocolName returns the name of a protocol, or its number.
func protocolName(number uint8) string {
	for _, p := range protocols {
		if p.number == number {
			return p.name
		}
	}
	return decimal(uint64(number))
}

// parseProtocol reads the name or number of an IP protocol.
func parseProtocol(s string) (uint8, *problem) {
	for _, p := range protocols {
		if equalFold(p.name, s) {
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
		if pp.Protocol, p = parseProtocol(proto); p != nil {
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
	fields, p := splitList(s)
	if p != nil {
		return p
	}
	for _, f := range fields {
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
