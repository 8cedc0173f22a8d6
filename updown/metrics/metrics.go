// Package metrics tells Prometheus how the conns are: as text for the textfile
// collector of node_exporter. It is pure.
//
// The encoder is its own, and short; that of prometheus/common brings protobuf
// with it. Tests read what is written with their parser.
package metrics

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/hook"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// Host is what is told.
type Host struct {
	Status   updown.Status
	Counters updown.Counters
	// Repairs has how often something of each conn has been repaired; nil if nobody
	// watches.
	Repairs map[string]uint64
	// Valid says that the configuration has no errors.
	Valid bool
}

// noSAs is written where series are missing.
const noSAs = "# SAs can only be read with privilege (CAP_NET_ADMIN): there is no ipsecif_conn_sa.\n"

// Text returns the metrics of a host, in an order that depends on names only.
// A conn may be up more than once, by claims of an administrator and of an IKE
// daemon, or for several pairs of selectors; it is one here.
func (h Host) Text() []byte {
	var b bytes.Buffer
	families := append(h.conns(), h.repairs())
	families = append(families, h.sas()...)
	families = append(families, h.links()...)
	for _, f := range append(families, h.errors()...) {
		f.write(&b)
	}
	if h.Counters.NoSAs {
		b.WriteString(noSAs)
	}
	return b.Bytes()
}

// byConn returns the state of each conn, all of its claims together.
func (h Host) byConn() (names []string, claims map[string][]updown.ConnStatus) {
	claims = map[string][]updown.ConnStatus{}
	for _, c := range h.Status.Conns {
		name := hook.ConnOf(c.Name)
		claims[name] = append(claims[name], c)
	}
	return slices.Sorted(maps.Keys(claims)), claims
}

func (h Host) conns() []family {
	valid := family{name: "ipsecif_configuration_valid", kind: gauge, help: "Whether the configuration has no errors."}
	up := family{name: "ipsecif_conn_up", kind: gauge, help: "Whether the administrator or an IKE daemon has claimed the conn."}
	inSync := family{name: "ipsecif_conn_in_sync", kind: gauge, help: "Whether the kernel has all that a conn that is up asks for, or it waits for an SA only."}
	blocked := family{name: "ipsecif_conn_blocked", kind: gauge, help: "Whether a conn that is up cannot be served, see ipsecif status."}
	info := family{name: "ipsecif_conn_info", kind: gauge, help: "The link and the if_id of a conn that is up; always 1."}
	valid.add(one(h.Valid))
	names, claims := h.byConn()
	for _, name := range names {
		conn := label{"conn", name}
		isUp, isInSync, isBlocked := false, true, false
		links := map[[3]string]bool{}
		for _, c := range claims[name] {
			if c.Condition == updown.Down {
				continue
			}
			isUp = true
			isInSync = isInSync && (c.Condition == updown.InSync || c.Condition == updown.Waiting)
			isBlocked = isBlocked || c.Condition == updown.Blocked
			links[[3]string{c.Link, c.Netns, ifID(c.IfID)}] = true
		}
		up.add(one(isUp), conn)
		if !isUp {
			continue
		}
		inSync.add(one(isInSync), conn)
		blocked.add(one(isBlocked), conn)
		for _, l := range slices.SortedFunc(maps.Keys(links), func(a, b [3]string) int { return slices.Compare(a[:], b[:]) }) {
			info.add(1, conn, label{"link", l[0]}, label{"netns", l[1]}, label{"if_id", l[2]})
		}
	}
	return []family{valid, up, inSync, blocked, info}
}

// ifID returns the label of an if_id, none for that of a VTI device.
func ifID(id uint32) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(id), 10)
}

func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

func (h Host) repairs() family {
	f := family{name: "ipsecif_conn_repairs_total", kind: counter, help: "How often the daemon has repaired something of the conn since it was started."}
	repairs := map[string]uint64{}
	names, _ := h.byConn()
	for _, name := range names {
		if h.Repairs != nil {
			repairs[name] = 0
		}
	}
	for claim, n := range h.Repairs {
		repairs[hook.ConnOf(claim)] += n
	}
	for _, name := range slices.Sorted(maps.Keys(repairs)) {
		f.add(repairs[name], label{"conn", name})
	}
	return f
}

func (h Host) sas() []family {
	number := family{name: "ipsecif_conn_sas", kind: gauge, help: "Number of SAs that work; while they are renewed there are two each way."}
	since := family{name: "ipsecif_conn_sa_established_timestamp_seconds", kind: gauge, help: "When the newest SA of the conn was made, in Unix time."}
	size := family{name: "ipsecif_conn_sa_bytes_total", kind: counter, help: "Bytes that the present SAs have carried; begins anew when they are renewed."}
	packets := family{name: "ipsecif_conn_sa_packets_total", kind: counter, help: "Packets that the present SAs have carried; begins anew when they are renewed."}
	for _, name := range slices.Sorted(maps.Keys(h.Counters.SAs)) {
		conn, newest := label{"conn", name}, uint64(0)
		for _, way := range []plan.Direction{plan.In, plan.Out} {
			direction := label{"direction", way.String()}
			var sum plan.Traffic
			n := uint64(0)
			for _, sa := range h.Counters.SAs[name] {
				if sa.Direction == way {
					n, sum.Bytes, sum.Packets = n+1, sum.Bytes+sa.Traffic.Bytes, sum.Packets+sa.Traffic.Packets
					newest = max(newest, sa.Since)
				}
			}
			number.add(n, conn, direction)
			if n > 0 {
				size.add(sum.Bytes, conn, direction)
				packets.add(sum.Packets, conn, direction)
			}
		}
		if newest > 0 {
			since.add(newest, conn)
		}
	}
	return []family{number, since, size, packets}
}

// linkMetrics are those of links, beside the names of the kernel's counters.
var linkMetrics = []struct {
	name, help string
	of         func(plan.LinkCounters) uint64
}{
	{"receive_bytes", "Bytes that the link has received.", func(l plan.LinkCounters) uint64 { return l.In.Bytes }},
	{"receive_packets", "Packets that the link has received.", func(l plan.LinkCounters) uint64 { return l.In.Packets }},
	{"receive_errors", "Packets for the link that its SAs and SPs did not allow.", func(l plan.LinkCounters) uint64 { return l.In.Errors }},
	{"receive_dropped", "Packets that the link has received and dropped.", func(l plan.LinkCounters) uint64 { return l.In.Dropped }},
	{"transmit_bytes", "Bytes that the link has sent.", func(l plan.LinkCounters) uint64 { return l.Out.Bytes }},
	{"transmit_packets", "Packets that the link has sent.", func(l plan.LinkCounters) uint64 { return l.Out.Packets }},
	{"transmit_errors", "Packets that the link could not send, for whatever reason.", func(l plan.LinkCounters) uint64 { return l.Out.Errors }},
	{"transmit_dropped", "Packets for the link that were dropped, for whatever reason.", func(l plan.LinkCounters) uint64 { return l.Out.Dropped }},
	{"transmit_carrier_errors", "Packets for which there was no SA or SP with the if_id.", func(l plan.LinkCounters) uint64 { return l.CarrierErrors }},
	{"transmit_collisions", "Packets that would have gone into the tunnel again: a routing loop.", func(l plan.LinkCounters) uint64 { return l.Collisions }},
}

func (h Host) links() []family {
	links := slices.SortedFunc(slices.Values(h.Counters.Links), func(a, b plan.LinkCounters) int {
		return cmp.Or(cmp.Compare(a.Netns, b.Netns), cmp.Compare(a.Link, b.Link))
	})
	var families []family
	for _, m := range linkMetrics {
		f := family{name: "ipsecif_link_" + m.name + "_total", kind: counter, help: m.help}
		for _, l := range links {
			f.add(m.of(l), label{"link", l.Link}, label{"netns", l.Netns})
		}
		families = append(families, f)
	}
	return families
}

func (h Host) errors() []family {
	f := family{name: "ipsecif_xfrm_errors_total", kind: counter, help: "Packets that IPsec has dropped on this host, by the names of /proc/net/xfrm_stat."}
	for _, c := range h.Counters.XfrmErrors {
		f.add(c.Value, label{"reason", c.Name})
	}
	return []family{f}
}
