package main

// plutosPart is not measured: libreswan's script finds the interface and its
// address in place, because pluto makes them itself, by netlink.
const plutosPart = "what pluto does"

var (
	plutoMakes = []command{
		{args: []string{"ip", "link", "add", "ipsec1", "type", "xfrm", "if_id", "1"}},
		{args: []string{"ip", "address", "add", "192.0.2.101/32", "dev", "ipsec1"}},
		{args: []string{"ip", "link", "set", "dev", "ipsec1", "up"}},
	}
	plutoRemoves = []command{{args: []string{"ip", "link", "del", "dev", "ipsec1"}}}
)

// scripted is what the script makes for the roadwarrior.
var scripted = []string{
	"0.0.0.0/1 dev ipsec1 scope link src 192.0.2.101",
	"128.0.0.0/1 dev ipsec1 scope link src 192.0.2.101",
	"192.1.2.23 via 192.1.3.254 dev eth0 table 50",
	"100:	from all fwmark 0x1 lookup 50",
}

// plutoEnv is the environment that pluto 5.2 gives its hook for the conn of the
// benchmark; PLUTO_VERB is added.
var plutoEnv = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"PLUTO_CONNECTION=road",
	"PLUTO_CONNECTION_TYPE=tunnel",
	"PLUTO_CONN_KIND=CK_PERMANENT",
	"PLUTO_VIRT_INTERFACE=ipsec1",
	"PLUTO_INTERFACE=eth0",
	"PLUTO_XFRMI_ROUTE=yes",
	"PLUTO_XFRMI_FWMARK=1/0xffffffff",
	"PLUTO_NEXT_HOP=192.1.3.254",
	"PLUTO_ME=192.1.3.209",
	"PLUTO_MY_ID=192.1.3.209",
	"PLUTO_CLIENT_FAMILY=ipv4",
	"PLUTO_CONN_ADDRFAMILY=ipv4",
	"PLUTO_MY_CLIENT=192.0.2.101/32",
	"PLUTO_MY_CLIENT_NET=192.0.2.101",
	"PLUTO_MY_CLIENT_MASK=255.255.255.255",
	"PLUTO_MY_PORT=0",
	"PLUTO_MY_PROTOCOL=0",
	"PLUTO_MY_SOURCEIP=192.0.2.101",
	"PLUTO_SA_REQID=16389",
	"PLUTO_SA_TYPE=ESP",
	"PLUTO_PEER=192.1.2.23",
	"PLUTO_PEER_ID=192.1.2.23",
	"PLUTO_PEER_CLIENT=0.0.0.0/0",
	"PLUTO_PEER_CLIENT_NET=0.0.0.0",
	"PLUTO_PEER_CLIENT_MASK=0.0.0.0",
	"PLUTO_PEER_PORT=0",
	"PLUTO_PEER_PROTOCOL=0",
	"PLUTO_PEER_CA=",
	"PLUTO_STACK=xfrm",
	"PLUTO_ADDTIME=0",
	"PLUTO_CONN_POLICY=IKEv2+PSK+ENCRYPT+TUNNEL+PFS+IKE_FRAG_ALLOW+ESN_YES",
	"PLUTO_IS_PEER_CISCO=0",
	"PLUTO_PEER_DNS_INFO=",
	"PLUTO_PEER_DOMAIN_INFO=",
	"PLUTO_PEER_BANNER=",
	"PLUTO_CFG_SERVER=0",
	"PLUTO_CFG_CLIENT=0",
	"PLUTO_NM_CONFIGURED=0",
	"VTI_IFACE=",
	"VTI_ROUTING=no",
	"VTI_SHARED=no",
}

// updown calls the script once for each verb, the way pluto does.
func updown(verbs ...string) []command {
	var calls []command
	for _, verb := range verbs {
		env := append([]string{"PLUTO_VERB=" + verb}, plutoEnv...)
		calls = append(calls, command{args: []string{"/bin/sh", "-c", "ipsec _updown"}, env: env})
	}
	return calls
}
