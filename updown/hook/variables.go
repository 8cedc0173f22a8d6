package hook

import (
	"slices"
	"strings"
)

// both are the variables that pluto and charon have in common, and those that an
// administrator sets.
var both = []string{
	"PLUTO_VERB", "PLUTO_CONNECTION", "PLUTO_ME", "PLUTO_PEER", "PLUTO_INTERFACE",
	"PLUTO_MY_CLIENT", "PLUTO_MY_PORT", "PLUTO_MY_PROTOCOL",
	"PLUTO_PEER_CLIENT", "PLUTO_PEER_PORT", "PLUTO_PEER_PROTOCOL",
	"ROUTE", "IPRARGS", "IPROUTEARGS",
}

// Variables are the names of all that Parse reads of the environment that a
// daemon sets. One that ends with _N stands for those that end with _1, _2 and
// so on.
var Variables = map[Daemon][]string{
	Pluto: slices.Concat(both, []string{
		"PLUTO_CONN_KIND", "PLUTO_CONN_POLICY", "PLUTO_CONN_ADDRFAMILY", "PLUTO_CLIENT_FAMILY", "PLUTO_NEXT_HOP",
		"PLUTO_MY_CLIENT_NET", "PLUTO_MY_CLIENT_MASK", "PLUTO_PEER_CLIENT_NET", "PLUTO_PEER_CLIENT_MASK",
		"PLUTO_MY_SOURCEIP", "PLUTO_VIRT_INTERFACE", "PLUTO_XFRMI_FWMARK", "PLUTO_SA_REQID", "INTERFACE_IP",
		"PLUTO_METRIC", "PLUTO_MTU", "CONNMARK_IN", "CONNMARK_OUT", "PLUTO_MOBIKE_EVENT", "UPDOWN_DEBUG",
		"VTI_IFACE", "VTI_IP", "VTI_ROUTING", "VTI_SHARED", "NFLOG", "CAT",
		"PLUTO_CFG_CLIENT", "PLUTO_NM_CONFIGURED", "PLUTO_DNS_RESOLVER",
		"PLUTO_PEER_DNS_INFO", "PLUTO_PEER_DOMAIN_INFO", "PLUTO_PEER_BANNER",
	}),
	Charon: slices.Concat(both, []string{
		"PLUTO_VERSION", "PLUTO_REQID", "PLUTO_IF_ID_IN", "PLUTO_IF_ID_OUT", "PLUTO_MARK_IN", "PLUTO_MARK_OUT",
		"PLUTO_MY_SOURCEIP4_N", "PLUTO_MY_SOURCEIP6_N", "PLUTO_DNS4_N", "PLUTO_DNS6_N", "PLUTO_HOST_ACCESS",
	}),
}

// reads reports whether Parse reads a variable of a daemon.
func (d Daemon) reads(name string) bool {
	if kind := strings.TrimRight(name, "0123456789"); strings.HasSuffix(kind, "_") {
		name = kind + "N"
	}
	return slices.Contains(Variables[d], name)
}
