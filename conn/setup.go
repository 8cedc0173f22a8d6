package conn

// Setup holds the typed values of "config setup" that matter for interfaces
// and routes.
type Setup struct {
	// InterfaceManaged is ipsec-interface-managed=, yes when missing. When
	// false, libreswan never touches the devices of ipsec-interface=.
	InterfaceManaged bool
	// DNSResolver is dns-resolver=, "file" when missing, else "systemd".
	DNSResolver string

	Own // which conns may override
}

// Conn returns a conn that no section is about, with nothing but the values of
// config setup.
func (s Setup) Conn(name string) Conn {
	return Conn{Name: name, Type: TypeTunnel, Auto: AutoIgnore, Family: IPv4, Own: s.Own}
}
