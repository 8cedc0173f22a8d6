package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// This file names what a route or rule has beyond what ipsecif reads, so that
// it never passes for one of ours. What the kernel sends with every IPv6 route
// counts only with a value other than the neutral one; with every rule it sends
// nothing but what is read. An attribute of a later kernel goes by its number.

// Numbers of the kernel's headers that the nl and unix packages lack.
const (
	rtaNHID          = 30 // RTA_NH_ID of linux/rtnetlink.h, Linux 5.3
	fraDSCP          = 25 // FRA_DSCP of linux/fib_rules.h, Linux 6.13, and those after it
	fraFlowlabel     = 26
	fraFlowlabelMask = 27
	fraSportMask     = 28
	fraDportMask     = 29
	fraDSCPMask      = 30
	cacheInfoExpires = 8 // offset of rta_expires in struct rta_cacheinfo
)

// attrNames maps attributes to their words in ip(8), "" for those that are read.
type attrNames map[uint16]string

var routeAttrNames = attrNames{
	unix.RTA_TABLE: "", unix.RTA_DST: "", unix.RTA_PRIORITY: "", unix.RTA_GATEWAY: "", unix.RTA_PREFSRC: "",
	unix.RTA_METRICS: "", unix.RTA_OIF: "", unix.RTA_VIA: "", unix.RTA_PAD: "",
	unix.RTA_ENCAP: "", unix.RTA_ENCAP_TYPE: "",
	unix.RTA_MULTIPATH: "nexthop", unix.RTA_SRC: "from",
	unix.RTA_FLOW: "realms", unix.RTA_EXPIRES: "expires", unix.RTA_CACHEINFO: "expires", unix.RTA_PREF: "pref", rtaNHID: "nhid",
}

var metricNames = attrNames{
	unix.RTAX_MTU: "", unix.RTAX_LOCK: "lock", unix.RTAX_WINDOW: "window", unix.RTAX_RTT: "rtt", unix.RTAX_RTTVAR: "rttvar",
	unix.RTAX_SSTHRESH: "ssthresh", unix.RTAX_CWND: "cwnd", unix.RTAX_ADVMSS: "advmss", unix.RTAX_REORDERING: "reordering",
	unix.RTAX_HOPLIMIT: "hoplimit", unix.RTAX_INITCWND: "initcwnd", unix.RTAX_FEATURES: "features", unix.RTAX_RTO_MIN: "rto_min",
	unix.RTAX_INITRWND: "initrwnd", unix.RTAX_QUICKACK: "quickack", unix.RTAX_CC_ALGO: "congctl",
	unix.RTAX_FASTOPEN_NO_COOKIE: "fastopen_no_cookie",
}

var ruleAttrNames = attrNames{
	nl.FRA_SRC: "", nl.FRA_DST: "", nl.FRA_IIFNAME: "", nl.FRA_PRIORITY: "", nl.FRA_FWMARK: "", nl.FRA_FWMASK: "", nl.FRA_TABLE: "",
	nl.FRA_SUPPRESS_PREFIXLEN: "", nl.FRA_PROTOCOL: "", nl.FRA_PAD: "",
	nl.FRA_FLOW: "realms", nl.FRA_TUN_ID: "tun_id", nl.FRA_GOTO: "goto", nl.FRA_SUPPRESS_IFGROUP: "suppress_ifgroup",
	nl.FRA_OIFNAME: "oif", nl.FRA_L3MDEV: "l3mdev", nl.FRA_UID_RANGE: "uidrange", nl.FRA_IP_PROTO: "ipproto",
	nl.FRA_SPORT_RANGE: "sport", nl.FRA_DPORT_RANGE: "dport", fraDSCP: "dscp", fraFlowlabel: "flowlabel",
	fraFlowlabelMask: "flowlabel", fraSportMask: "sport", fraDportMask: "dport", fraDSCPMask: "dscp",
}

var scopeNames = map[uint8]string{
	unix.RT_SCOPE_UNIVERSE: "global", unix.RT_SCOPE_SITE: "site", unix.RT_SCOPE_LINK: "link", unix.RT_SCOPE_HOST: "host",
}

// others returns the words of the attributes that are not read.
func (n attrNames) others(a map[uint16][]byte, neutral func(attr uint16, value []byte) bool) []string {
	var words []string
	for attr, value := range a {
		name, known := n[attr]
		switch {
		case !known:
			name = fmt.Sprintf("attribute %d", attr)
		case name == "" || neutral(attr, value):
			continue
		}
		words = append(words, name+" …")
	}
	return words
}

// phrase puts words in a fixed order, each once.
func phrase(words []string) string {
	slices.Sort(words)
	return strings.Join(slices.Compact(words), " ")
}

func neutralInRoute(attr uint16, value []byte) bool {
	switch attr {
	case unix.RTA_CACHEINFO:
		return len(value) < cacheInfoExpires || number(value[cacheInfoExpires:]) == 0
	case unix.RTA_PREF:
		return len(value) == 1 && value[0] == 0 // medium
	}
	return false
}

func never(uint16, []byte) bool { return false }

// otherOfRoute names what makes a route more than ipsecif could restore.
func otherOfRoute(head *nl.RtMsg, a map[uint16][]byte) string {
	words := routeAttrNames.others(a, neutralInRoute)
	words = append(words, metricNames.others(attrs(a[unix.RTA_METRICS]), never)...)
	if otherEncap(a) {
		words = append(words, "encap …")
	}
	if head.Flags&unix.RTNH_F_ONLINK != 0 {
		words = append(words, "onlink")
	}
	gateway := a[unix.RTA_GATEWAY] != nil || a[unix.RTA_VIA] != nil
	if a[unix.RTA_MULTIPATH] == nil && head.Scope != usualScope(routing.RouteType(head.Type), gateway, head.Family) {
		words = append(words, "scope "+cmp.Or(scopeNames[head.Scope], strconv.Itoa(int(head.Scope))))
	}
	return phrase(words)
}

// otherOfRule names what makes a rule one that ipsecif never makes.
func otherOfRule(head *nl.RtMsg, a map[uint16][]byte) string {
	words := ruleAttrNames.others(a, never)
	if head.Tos != 0 {
		words = append(words, fmt.Sprintf("tos %#x", head.Tos))
	}
	return phrase(words)
}
