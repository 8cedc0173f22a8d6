package plan

// Traffic is how much has passed one way.
type Traffic struct {
	Bytes, Packets uint64
}

// LinkCounters is what the kernel has counted since a link was made (struct
// rtnl_link_stats64 of linux/if_link.h).
type LinkCounters struct {
	Link  string
	Netns string // network namespace of the link, "" for that of ipsecif
	In    LinkTraffic
	Out   LinkTraffic
	// CarrierErrors counts packets that found no SA or SP with the if_id, and
	// Collisions those that would have gone into the tunnel again.
	CarrierErrors, Collisions uint64
}

// LinkTraffic is one way of a link.
type LinkTraffic struct {
	Traffic
	Errors, Dropped uint64
}

// Count is a counter of the kernel with its name there.
type Count struct {
	Name  string
	Value uint64
}

// Counters is what the kernel has counted, but for what SAs have of their own.
type Counters struct {
	Links []LinkCounters // of all xfrm interfaces and VTI devices, in any order
	// XfrmErrors has the packets that IPsec has dropped, by reason, in the order
	// of /proc/net/xfrm_stat; nil for a kernel that does not count them.
	XfrmErrors []Count
}
