package conn

// proxied finds proxy-arp= where the LAN of this host is not what routes look at.
func (l *linter) proxied(c *Conn) {
	if c.ProxyARP == ProxyARPYes && (c.VRF != "" || c.Netns != "") {
		l.fail(c, "proxy-arp", CodeUnsupported, "in a VRF or another network namespace it is not supported", "leave it out")
	}
}
