package scenario_test

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// plutoVariables are what pluto 5.2 tells its hook, as far as libreswan's own
// script looks at it, for an ipsec-interface on road towards east.
var plutoVariables = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"PLUTO_STACK=xfrm",
	"PLUTO_CONN_KIND=CK_PERMANENT",
	"PLUTO_CONN_ADDRFAMILY=ipv4",
	"PLUTO_VIRT_INTERFACE=ipsec1",
	"PLUTO_INTERFACE=eth0",
	"PLUTO_XFRMI_ROUTE=yes",
	"PLUTO_NEXT_HOP=192.1.3.254",
	"PLUTO_ME=192.1.3.209",
	"PLUTO_PEER=192.1.2.23",
	"PLUTO_MY_CLIENT=192.1.3.209/32",
	"PLUTO_SA_REQID=16389",
	"PLUTO_IS_PEER_CISCO=0",
	"PLUTO_CFG_CLIENT=0",
	"PLUTO_NM_CONFIGURED=0",
	"VTI_ROUTING=no",
	"VTI_SHARED=no",
}

// [!] updown HOST VERB FILE [ARGS...] runs libreswan's own script on a host, as
// pluto does with a leftupdown= that has these arguments. The file has variables
// that differ from plutoVariables; families and networks follow from the
// selectors, and so does the end of the verb.
func updownScript(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 3, "updown HOST VERB FILE [ARGS...]")
	callHook(ts, neg, words, "ipsec", "_updown")
}

// [!] hook HOST VERB FILE [ARGS...] runs ipsecif as the hook in its place.
func hook(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 3, "hook HOST VERB FILE [ARGS...]")
	callHook(ts, neg, words, installed, "updown")
}

func callHook(ts *testscript.TestScript, neg bool, words []string, program ...string) {
	host, verb := words[0], words[1]
	env := append(slices.Clone(plutoVariables), strings.Fields(ts.ReadFile(words[2]))...)
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if name != "PLUTO_MY_CLIENT" && name != "PLUTO_PEER_CLIENT" {
			continue
		}
		client, _, _ := strings.Cut(value, "/")
		client, _, _ = strings.Cut(client, "-")
		env = append(env, name+"_NET="+client)
		if name != "PLUTO_PEER_CLIENT" {
			continue
		}
		family := "PLUTO_CLIENT_FAMILY=ipv4"
		if netip.MustParseAddr(client).Is6() {
			family, verb = "PLUTO_CLIENT_FAMILY=ipv6", verb+"-v6"
		}
		env = append(env, family)
	}
	env = append(env, "PLUTO_VERB="+verb)
	command := append([]string{host, "env", "-i"}, env...)
	verdict(ts, neg, run(ts, slices.Concat(command, program, words[3:])))
}
