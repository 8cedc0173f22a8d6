package vectors_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// tunnel is one pair of selectors of one conn with an interface, as pluto knows
// it. The zero value of what may be missing means that it is.
type tunnel struct {
	name         string
	dev          string // the underlay device
	me, peer     netip.Addr
	nextHop      netip.Addr
	ours, theirs string // selectors: NET/LENGTH or LOW-HIGH
	link         string // the xfrm interface or VTI device
	vti          bool   // link is a VTI device for mark
	mark         string // of mark-out=, as pluto writes it: VALUE/0xMASK
	source       netip.Addr
	address      netip.Prefix // of interface-ip=
	metric, mtu  int
	port         int      // of the peer, TCP
	args         []string // of the hook
	final        bool     // once down, pluto does not wait for packets
}

// client returns the first address of a selector, and the net if it is one.
func client(selector string) (netip.Addr, netip.Prefix) {
	if p, err := netip.ParsePrefix(selector); err == nil {
		return p.Addr(), p
	}
	low, _, _ := strings.Cut(selector, "-")
	return netip.MustParseAddr(low), netip.Prefix{}
}

// inside reports whether the peer is one of those that the tunnel leads to.
func (t tunnel) inside() bool {
	_, net := client(t.theirs)
	return net.Contains(t.peer)
}

// ifID returns the if_id of the xfrm interface.
func (t tunnel) ifID() uint32 {
	id, _ := conn.IfIDOf(t.link)
	return id
}

// fwmark returns the mark of ESP and IKE packets that the hook is told: without
// mark-out= only where the peer is inside, and with an xfrm interface.
func (t tunnel) fwmark() string {
	if t.vti {
		return ""
	}
	if t.mark == "" && t.inside() {
		return fmt.Sprintf("%d/0xffffffff", t.ifID())
	}
	return t.mark
}

// verb returns PLUTO_VERB for an action: it ends in what the local selector is,
// and for IPv6 in the family of that.
func (t tunnel) verb(action string) string {
	low, net := client(t.ours)
	end := "-client"
	if low == t.me && net.IsSingleIP() {
		end = "-host"
	}
	if low.Is6() {
		end += "-v6"
	}
	return action + end
}

// policy returns what pluto says of a conn that waits for packets.
func (t tunnel) policy() string {
	if t.final {
		return ""
	}
	return "+ROUTE"
}

func family(a netip.Addr) string {
	if a.Is6() {
		return "ipv6"
	}
	return "ipv4"
}

// environment returns what pluto 5.2 tells its hook, as far as the hook's work
// on routes and rules can depend on it.
func (t tunnel) environment(action string) []string {
	ours, ourNet := client(t.ours)
	theirs, theirNet := client(t.theirs)
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"PLUTO_VERB=" + t.verb(action), "PLUTO_STACK=xfrm",
		"PLUTO_CONNECTION=" + t.name, "PLUTO_CONNECTION_TYPE=tunnel", "PLUTO_CONN_KIND=CK_PERMANENT",
		"PLUTO_CONN_POLICY=IKEv2+PSK+ENCRYPT+TUNNEL+PFS" + t.policy() + "+IKE_FRAG_ALLOW+ESN_NO+ESN_YES",
		"PLUTO_CONN_ADDRFAMILY=" + family(t.me), "PLUTO_CLIENT_FAMILY=" + family(ours),
		"PLUTO_INTERFACE=" + t.dev,
		"PLUTO_ME=" + t.me.String(), "PLUTO_PEER=" + t.peer.String(), "PLUTO_MY_ID=@road", "PLUTO_PEER_ID=@east", "PLUTO_PEER_CA=",
		"PLUTO_MY_CLIENT=" + t.ours, "PLUTO_MY_CLIENT_NET=" + ours.String(), "PLUTO_MY_CLIENT_MASK=" + mask(ourNet),
		"PLUTO_PEER_CLIENT=" + t.theirs, "PLUTO_PEER_CLIENT_NET=" + theirs.String(), "PLUTO_PEER_CLIENT_MASK=" + mask(theirNet),
		"PLUTO_MY_PORT=0", "PLUTO_PEER_PORT=" + strconv.Itoa(t.port), "PLUTO_MY_PROTOCOL=0", "PLUTO_PEER_PROTOCOL=0",
		"PLUTO_SA_REQID=16388", "PLUTO_SA_TYPE=ESP", "SPI_IN=0x0", "SPI_OUT=0x0",
		"PLUTO_IS_PEER_CISCO=0", "PLUTO_CFG_CLIENT=0", "PLUTO_CFG_SERVER=0", "PLUTO_NM_CONFIGURED=0", "XAUTH_FAILED=0",
	}
	if t.vti {
		env = append(env, "PLUTO_VIRT_INTERFACE=NULL", "PLUTO_XFRMI_ROUTE=", "VTI_IFACE="+t.link, "VTI_ROUTING=yes", "VTI_SHARED=no", "CONNMARK_IN="+t.mark, "CONNMARK_OUT="+t.mark)
	} else {
		env = append(env, "PLUTO_VIRT_INTERFACE="+t.link, "PLUTO_XFRMI_ROUTE=yes", "PLUTO_XFRMI_FWMARK="+t.fwmark(), "VTI_IFACE=", "VTI_ROUTING=no", "VTI_SHARED=no")
	}
	if t.port != 0 {
		env[slices.Index(env, "PLUTO_PEER_PROTOCOL=0")] = "PLUTO_PEER_PROTOCOL=6"
	}
	if t.nextHop.IsValid() {
		env = append(env, "PLUTO_NEXT_HOP="+t.nextHop.String())
	}
	if t.source.IsValid() {
		env = append(env, "PLUTO_MY_SOURCEIP="+t.source.String())
	}
	if t.address.IsValid() {
		env = append(env, "INTERFACE_IP="+t.address.String())
	}
	for name, value := range map[string]int{"PLUTO_METRIC": t.metric, "PLUTO_MTU": t.mtu} {
		if value != 0 {
			env = append(env, name+"="+strconv.Itoa(value))
		}
	}
	return env
}

// mask returns the mask of a net in the form of an address.
func mask(net netip.Prefix) string {
	if !net.IsValid() {
		return ""
	}
	ones := slices.Repeat([]byte{0xff}, net.Addr().BitLen()/8)
	all, _ := netip.AddrFromSlice(ones)
	return netip.PrefixFrom(all, net.Bits()).Masked().Addr().String()
}

// String names the tunnel by what makes it special.
func (t tunnel) String() string {
	words := []string{t.verb("")[1:], "from", t.ours, "to", t.theirs, "peer", t.peer.String(), "dev", t.dev, "by", t.link}
	for _, more := range []struct {
		name, value string
	}{
		{"via", text(t.nextHop, t.nextHop.IsValid())}, {"mark", t.mark}, {"src", text(t.source, t.source.IsValid())},
		{"address", text(t.address, t.address.IsValid())}, {"metric", text(t.metric, t.metric != 0)}, {"mtu", text(t.mtu, t.mtu != 0)},
		{"port", text(t.port, t.port != 0)}, {"args", strings.Join(t.args, " ")},
	} {
		if more.value != "" {
			words = append(words, more.name, more.value)
		}
	}
	return strings.Join(words, " ")
}

func text(v any, set bool) string {
	if !set {
		return ""
	}
	return fmt.Sprint(v)
}
