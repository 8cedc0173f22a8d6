package admin

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// path is where hooks find programs.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// own are variables of this program.
var own = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^IPSECIF_[A-Z0-9_]+$`) })

// numbered are variables of charon of which there may be several.
var numbered = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^PLUTO_(DNS[46]|(MY|PEER)_SOURCEIP[46])_[1-9][0-9]*$`)
})

// known are the variables that pluto and charon give their hooks.
var known = []string{
	"PLUTO_ADDTIME", "PLUTO_CFG_CLIENT", "PLUTO_CFG_SERVER", "PLUTO_CLIENT_FAMILY", "PLUTO_CONNECTION", "PLUTO_CONNECTION_TYPE",
	"PLUTO_CONN_ADDRFAMILY", "PLUTO_CONN_KIND", "PLUTO_CONN_POLICY", "PLUTO_DNS_RESOLVER", "PLUTO_HOST_ACCESS", "PLUTO_IF_ID_IN",
	"PLUTO_IF_ID_OUT", "PLUTO_INBYTES", "PLUTO_INTERFACE", "PLUTO_IPCOMP", "PLUTO_IS_PEER_CISCO", "PLUTO_MARK_IN", "PLUTO_MARK_OUT",
	"PLUTO_ME", "PLUTO_METRIC", "PLUTO_MOBIKE_EVENT", "PLUTO_MTU", "PLUTO_MY_CLIENT", "PLUTO_MY_CLIENT_MASK", "PLUTO_MY_CLIENT_NET",
	"PLUTO_MY_ID", "PLUTO_MY_PORT", "PLUTO_MY_PROTOCOL", "PLUTO_MY_SOURCEIP", "PLUTO_NEXT_HOP", "PLUTO_NM_CONFIGURED", "PLUTO_OUTBYTES",
	"PLUTO_PEER", "PLUTO_PEER_BANNER", "PLUTO_PEER_CA", "PLUTO_PEER_CLIENT", "PLUTO_PEER_CLIENT_MASK", "PLUTO_PEER_CLIENT_NET",
	"PLUTO_PEER_DNS_INFO", "PLUTO_PEER_DOMAIN_INFO", "PLUTO_PEER_ID", "PLUTO_PEER_PORT", "PLUTO_PEER_PROTOCOL", "PLUTO_PEER_SOURCEIP",
	"PLUTO_PROTO", "PLUTO_REQID", "PLUTO_SA_REQID", "PLUTO_SA_TYPE", "PLUTO_STACK", "PLUTO_UDP_ENC", "PLUTO_UNIQUEID", "PLUTO_USERNAME",
	"PLUTO_VERB", "PLUTO_VERSION", "PLUTO_VIRT_INTERFACE", "PLUTO_XAUTH_ID", "PLUTO_XFRMI_FWMARK", "PLUTO_XFRMI_ROUTE",
}

// Environment returns what of an environment hooks get: the variables of pluto
// and charon that are known, and those that begin with IPSECIF_, as far as they
// have text of one line. Others, such as LD_PRELOAD, are not handed on. The
// values are what a peer sent: a hook must not let a shell evaluate them.
func Environment(env []string) []string {
	kept := []string{path}
	for _, v := range env {
		name, value, ok := strings.Cut(v, "=")
		if ok && isKnown(name) && isLine(value) {
			kept = append(kept, v)
		}
	}
	return kept
}

func isKnown(name string) bool {
	return slices.Contains(known, name) || numbered().MatchString(name) || own().MatchString(name)
}

func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
