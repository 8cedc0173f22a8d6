package dns

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func addrs(t testing.TB, list string) []netip.Addr {
	t.Helper()
	servers, err := ParseServers(list)
	if err != nil {
		t.Fatal(err)
	}
	return servers
}

func domains(t testing.TB, list string) []Domain {
	t.Helper()
	d, err := ParseDomains(list)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseServers(t *testing.T) {
	for _, tt := range []struct{ list, want, err string }{
		{"", "", ""},
		{" 10.1.0.53\t2001:db8::53 10.1.0.53\n", "10.1.0.53 2001:db8::53", ""},
		{"::ffff:10.1.0.53", "10.1.0.53", ""},
		{"fe80::53", "fe80::53", ""},
		{"10.1.0.53 ns.example.net 10.2.0.53", "10.1.0.53 10.2.0.53", `name server "ns.example.net" is no address`},
		{"10.1.0.53#53", "", `name server "10.1.0.53#53" is no address`},
		{"127.0.0.53", "", `name server "127.0.0.53" is this host`},
		{"::ffff:127.0.0.1", "", `name server "127.0.0.1" is this host`},
		{"0.0.0.0 ::", "", "name server \"0.0.0.0\" is this host\nname server \"::\" is this host"},
		{"224.0.0.251", "", `name server "224.0.0.251" is the address of no single host`},
		{"255.255.255.255", "", `name server "255.255.255.255" is the address of no single host`},
		{"fe80::1%eth0", "", `name server "fe80::1%eth0" has a zone, which the peer cannot know`},
		{"fe80::1%\x1b[2J", "", `name server "fe80::1%\x1b[2J" has a zone, which the peer cannot know`},
		{"-h", "", `name server "-h" is no address`},
	} {
		servers, err := ParseServers(tt.list)
		var got []string
		for _, s := range servers {
			got = append(got, s.String())
		}
		if joined := strings.Join(got, " "); joined != tt.want || message(err) != tt.err {
			t.Errorf("ParseServers(%q) = %q, %q\nwant %q, %q", tt.list, joined, message(err), tt.want, tt.err)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseDomain(t *testing.T) {
	long := strings.Repeat("a", 63)
	most := strings.Join([]string{long, long, long, long[:61]}, ".")
	for _, tt := range []struct{ in, want, err string }{
		{"example.net", "example.net", ""},
		{"Example.NET.", "example.net", ""},
		{"_msdcs.xn--bcher-kva.example", "_msdcs.xn--bcher-kva.example", ""},
		{"10.in-addr.arpa", "10.in-addr.arpa", ""},
		{"local", "local", ""},
		{most, Domain(most).text(), ""},
		{most + "a", "", `domain "` + long + `a" is longer than 253 characters`},
		{long + "a", "", `domain "` + long + `a" has a label of more than 63 characters`},
		{"", "", `domain "" is empty or the root`},
		{".", "", `domain "." is empty or the root`},
		{"a..b", "", `domain "a..b" has an empty label`},
		{"a.b..", "", `domain "a.b.." has an empty label`},
		{".a", "", `domain ".a" has an empty label`},
		{"-a.b", "", `domain "-a.b" has a label that begins or ends with a hyphen`},
		{"a.b-", "", `domain "a.b-" has a label that begins or ends with a hyphen`},
		{"~.", "", `domain "~." has a character that no label has`},
		{"*.b", "", `domain "*.b" has a character that no label has`},
		{"a\nnameserver 10.9.9.9", "", `domain "a\nnameserver 10.9.9.9" has a character that no label has`},
		{"a$(reboot)", "", `domain "a$(reboot)" has a character that no label has`},
		{"büch.er", "", `domain "büch.er" has a character that no label has`},
		{"\u212a.example", "", "domain \"\u212a.example\" has a character that no label has"},
	} {
		got, err := ParseDomain(tt.in)
		if string(got) != tt.want || !strings.HasPrefix(message(err), strings.TrimSuffix(tt.err, `a" is longer than 253 characters`)) || (err == nil) != (tt.err == "") {
			t.Errorf("ParseDomain(%q) = %q, %q\nwant %q, %q", tt.in, got, message(err), tt.want, tt.err)
		}
	}
}

func (d Domain) text() string { return string(d) }

func TestWant(t *testing.T) {
	up := []Entry{
		{Request{"a", "ipsec1", false, addrs(t, "10.1.0.53 10.9.0.53"), domains(t, "one.example.net example.org"), false}, File},
		{Request{"b", "ipsec1", false, addrs(t, "10.1.0.53"), domains(t, "one.example.net"), false}, Systemd},
		{Request{"c", "ipsec1", true, addrs(t, "10.3.0.53"), domains(t, "three.example.net"), false}, Systemd},
		{Request{"d", "ipsec4", false, addrs(t, "10.4.0.53"), nil, false}, Systemd},
		{Request{"e", "", false, addrs(t, "10.5.0.53"), domains(t, "one.example.net"), false}, Unbound},
		{Request{"f", "", false, addrs(t, "10.6.0.53 10.5.0.53"), domains(t, "one.example.net six.example.net"), false}, Unbound},
		{Request{"g", "", false, addrs(t, "10.9.0.53"), domains(t, "seven.example.net one.example.net"), false}, File},
	}
	want := Wanted{
		Servers: addrs(t, "10.9.0.53 10.1.0.53"),
		Search:  domains(t, "seven.example.net one.example.net example.org"),
		Links: map[string]Link{
			"ipsec1": {addrs(t, "10.3.0.53 10.1.0.53"), domains(t, "three.example.net one.example.net"), true},
			"ipsec4": {addrs(t, "10.4.0.53"), nil, true},
		},
		Forwards: map[Domain][]netip.Addr{
			"one.example.net": addrs(t, "10.6.0.53 10.5.0.53"),
			"six.example.net": addrs(t, "10.6.0.53 10.5.0.53"),
		},
	}
	if got := Want(up); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestChoose(t *testing.T) {
	with := Request{Claim: "road", Link: "ipsec1", Domains: domains(t, "example.net")}
	none := Request{Claim: "road", Link: "ipsec1"}
	policy := Request{Claim: "road", Domains: domains(t, "example.net")}
	for _, tt := range []struct {
		setting       string
		r             Request
		stub, unbound bool
		want          Resolver
		err           string
	}{
		{"file", with, false, false, File, ""},
		{"", with, false, false, File, ""},
		{"file", with, false, true, Unbound, ""},
		{"file", with, true, true, Unbound, ""},
		{"file", none, false, true, File, ""},
		{"file", none, true, true, Systemd, ""},
		{"file", with, true, false, Systemd, ""},
		{"systemd", with, false, true, Systemd, ""},
		{"systemd", policy, false, false, "", `systemd-resolved keeps name servers by interface, and "road" has none`},
		{"file", policy, true, false, "", `systemd-resolved keeps name servers by interface, and "road" has none`},
		{"file", policy, true, true, Unbound, ""},
		{"auto\n", with, false, false, "", `dns-resolver "auto\n" is neither file nor systemd`},
	} {
		got, err := Choose(tt.setting, tt.r, Host{tt.stub, func() bool { return tt.unbound }})
		if got != tt.want || message(err) != tt.err {
			t.Errorf("Choose(%q, %v, stub %v, unbound %v) = %q, %q\nwant %q, %q", tt.setting, tt.r, tt.stub, tt.unbound, got, message(err), tt.want, tt.err)
		}
	}
}

func TestCheck(t *testing.T) {
	good := Request{Claim: "road", Servers: addrs(t, "10.1.0.53"), Domains: domains(t, "example.net")}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	bad := Request{
		Servers: []netip.Addr{{}, netip.MustParseAddr("::ffff:10.1.0.53"), netip.MustParseAddr("127.0.0.1")},
		Domains: []Domain{"a b", "Example.net"},
	}
	const want = `a request for name servers without an owner
name server "invalid IP" is no address
name server "::ffff:10.1.0.53" is no address
name server "127.0.0.1" is this host
domain "a b" has a character that no label has
domain "Example.net" is not written as "example.net"`
	if got := message(bad.Check()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
