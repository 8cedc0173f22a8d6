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

	Table        uint32    // table=, routing table
	RulePriority uint32    // rule-priority=
	Scheme       Scheme    // scheme=
	LocalLAN     LocalLAN  // local-lan=
	Escape       Escape    // escape=
	OnLoss       OnLoss    // on-loss=
	HookError    HookError // on-hook-error=
	RouteBy      RouteBy   // route-by=
	LinkMTU      Size      // link-mtu=, of the device and never of routes
	MSS          Size      // mss=, of TCP connections through the device

	Accept []FilterTable // accept=, where packets of the tunnel are accepted
}

// Conn returns a conn that no section is about, with nothing but the values of
// config setup.
func (s Setup) Conn(name string) Conn {
	c := Conn{Name: name, Type: TypeTunnel, Auto: AutoIgnore, Family: IPv4}
	s.apply(&c)
	return c
}

// apply gives a conn the values of own keys.
func (s Setup) apply(c *Conn) {
	c.Table, c.RulePriority, c.Scheme = s.Table, s.RulePriority, s.Scheme
	c.LocalLAN, c.Escape, c.OnLoss, c.RouteBy = s.LocalLAN, s.Escape, s.OnLoss, s.RouteBy
	c.LinkMTU, c.MSS, c.HookError, c.Accept = s.LinkMTU, s.MSS, s.HookError, s.Accept
}
