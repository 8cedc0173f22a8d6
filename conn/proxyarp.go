package conn

// ProxyARP is the value of the own key proxy-arp=: whether hosts of this side's
// LAN find the remote end here.
type ProxyARP uint8

// The values of proxy-arp=.
const (
	ProxyARPUnset ProxyARP = iota
	ProxyARPNo
	ProxyARPYes
)

// String returns the value as in proxy-arp=, "" when unset.
func (p ProxyARP) String() string { return nameOf(p, "", "no", "yes") }

func (b *builder) proxyARP() ProxyARP {
	switch {
	case b.get(keyProxyARP) == nil:
		return ProxyARPUnset
	case b.isYes(keyProxyARP):
		return ProxyARPYes
	}
	return ProxyARPNo
}
