package conn

// Own has the values of our own keys that config setup may have for all conns. The
// zero values mean "not set".
type Own struct {
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
