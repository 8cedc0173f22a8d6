package conn

// Setup holds the typed values of "config setup" that matter for interfaces
// and routes.
type Setup struct {
	// InterfaceManaged is ipsec-interface-managed=, yes when missing. When
	// false, libreswan never touches the devices of ipsec-interface=.
	InterfaceManaged bool
	// DNSResolver is dns-resolver=, "file" when missing, else "systemd".
	DNSResolver string

	// Own keys; zero values mean "not set". A conn may override them.

	Table        uint32   // table=, routing table
	RulePriority uint32   // rule-priority=
	Scheme       Scheme   // scheme=
	LocalLAN     LocalLAN // local-lan=
	Escape       Escape   // escape=
	OnLoss       OnLoss   // on-loss=
	RouteBy      RouteBy  // route-by=
	LinkMTU      Size     // link-mtu=, of the device and never of routes
	MSS          Size     // mss=, of TCP connections through the device
}
