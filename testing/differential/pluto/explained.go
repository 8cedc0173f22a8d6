package pluto

// Explained is one known difference between package conn and pluto 5.2.
type Explained struct {
	Name   string
	Ours   bool // conn differs from every libreswan on purpose; else 5.2 differs from 5.4
	Reason string

	// rewrite changes one place of the section into what conn reads as 5.2 reads
	// the original, or notes what 5.2 does with it, and tells whether there was
	// such a place.
	rewrite func(*prediction) bool
}

// List returns all explained differences in the order in which they are tried.
func List() []Explained {
	return []Explained{
		{Name: "wrong-word", rewrite: rewriteWrongWord,
			Reason: "5.2 leaves a key out whose word it does not know, when it reads the file; 5.4 refuses the conn"},
		{Name: "decimal", rewrite: rewriteDecimal,
			Reason: "5.2 reads metric=, mtu=, priority=, reqid= and nflog= as plain decimal numbers, and leaves others out; 5.4 knows octal, hexadecimal and units"},
		{Name: "large-mtu", rewrite: rewriteLargeMTU,
			Reason: "5.2 keeps 16 bits of mtu=; 5.4 keeps all"},
		{Name: "number-range", rewrite: rewriteNumberRange,
			Reason: "5.2 takes a number that is out of range for another; 5.4 refuses it"},
		{Name: "wrong-mark", rewrite: rewriteWrongMark,
			Reason: "5.2 loads a conn with a wrong mark and makes some mark of it; 5.4 refuses it"},
		{Name: "never-negotiates", rewrite: rewriteNeverNegotiates,
			Reason: "5.2 heeds nflog=, priority= and the roles of mode config in a conn that never negotiates; 5.4 ignores them"},
		{Name: "reject", rewrite: rewriteReject,
			Reason: "5.2 still has type=reject; 5.4 takes it as drop"},
		{Name: "narrowing-by-ikev1", rewrite: rewriteNarrowingByIKEv1,
			Reason: "5.2 refuses narrowing=no with IKEv1 and takes yes; 5.4 does it the other way round"},
		{Name: "next-hop-direct", rewrite: rewriteNextHopDirect,
			Reason: "5.2 does not know leftnexthop=%direct; 5.4 does"},
		{Name: "default-route-family", rewrite: rewriteDefaultRouteFamily,
			Reason: "5.2 takes %defaultroute4 and %defaultroute6 for names of devices; 5.4 knows them"},
		{Name: "source-without-subnet", rewrite: rewriteSourceWithoutSubnet,
			Reason: "5.2 knows the address of %defaultroute before it looks at leftsourceip=; 5.4 does not, and refuses the conn"},
		{Name: "mixed-hosts", rewrite: rewriteMixedHosts,
			Reason: "5.2 takes IPv4 addresses for names when another value is IPv6; 5.4 refuses the conn"},
		{Name: "resolved-host", Ours: true, rewrite: rewriteResolvedHost,
			Reason: "libreswan has a single number, and IPv6 with a zone or an IPv4 end, read as an address by the resolver; conn asks none and refuses them"},
		{Name: "host-name", Ours: true, rewrite: rewriteHostName,
			Reason: "libreswan takes any text for a host name; conn refuses what cannot be one"},
		{Name: "device-name", Ours: true, rewrite: rewriteDeviceName,
			Reason: "libreswan looks for a device of any name; conn refuses what cannot be one"},
		{Name: "both-default-route", Ours: true, rewrite: rewriteBothDefaultRoute,
			Reason: "libreswan finds out later that both ends are this host; conn refuses two %defaultroute"},
		{Name: "protocol-beginning", Ours: true, rewrite: rewriteProtocolBeginning,
			Reason: "libreswan takes a word that begins with the name of a protocol for that name, icmp6 for ICMP; conn refuses it"},
		{Name: "several-addresses", Ours: true, rewrite: rewriteSeveralAddresses,
			Reason: "libreswan refuses several addresses for an interface, or as source of one family; conn takes them with a warning"},
		{Name: "vti-name", Ours: true, rewrite: rewriteVTIName,
			Reason: "libreswan only warns of a name that no device can have; conn refuses it"},
		{Name: "vti-options", Ours: true, rewrite: rewriteVTIOptions,
			Reason: "libreswan keeps the options of a VTI device that is not there; conn drops them"},
		{Name: "offload-device", Ours: true, rewrite: rewriteOffloadDevice,
			Reason: "libreswan looks only at devices that can offload for the local end; conn leaves that to the kernel"},
	}
}
