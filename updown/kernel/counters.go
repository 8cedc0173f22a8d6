package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// xfrmStat has the counters of dropped packets of the thread's network namespace,
// where the kernel has CONFIG_XFRM_STATISTICS.
const xfrmStat = "/proc/thread-self/net/xfrm_stat"

// Places in struct rtnl_link_stats64 (linux/if_link.h), in 64-bit numbers.
const (
	statInPackets = iota
	statOutPackets
	statInBytes
	statOutBytes
	statInErrors
	statOutErrors
	statInDropped
	statOutDropped
	statMulticast
	statCollisions
	statCarrierErrors = 17
)

// counters reads what has been counted, in this network namespace and in others
// as far as they are there.
func (k *Kernel) counters(c *plan.Counters, netns []string) error {
	defer k.leave()
	for _, name := range append([]string{""}, netns...) {
		within, err := k.enter(name)
		if errors.As(err, &noNetnsError{}) {
			continue
		}
		if err == nil {
			err = within.linkCounters(c)
		}
		if err != nil {
			return err
		}
	}
	text, err := os.ReadFile(xfrmStat)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		c.XfrmErrors, err = parseXfrmStat(string(text))
	}
	if err != nil {
		return fmt.Errorf("reading what IPsec has dropped: %w", err)
	}
	return nil
}

// linkCounters adds the counters of the tunnels' links in the network namespace.
func (k *Kernel) linkCounters(c *plan.Counters) error {
	newRequest := func() *nl.NetlinkRequest {
		req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		return req
	}
	others := c.Links
	begin := func() { c.Links = others }
	return k.dumps.dump("counters of links", unix.RTM_NEWLINK, newRequest, begin, func(msg []byte) {
		a := attrs(msg[nl.DeserializeIfInfomsg(msg).Len():])
		link := xfrmi.Link{Kind: text(attrs(a[unix.IFLA_LINKINFO])[unix.IFLA_INFO_KIND])}
		if stats := a[unix.IFLA_STATS64]; link.IsTunnel() && len(stats) >= 8*(statCarrierErrors+1) {
			c.Links = append(c.Links, parseStats(text(a[unix.IFLA_IFNAME]), k.netns.name, stats))
		}
	})
}

func parseStats(link, netns string, stats []byte) plan.LinkCounters {
	at := func(i int) uint64 { return binary.NativeEndian.Uint64(stats[8*i:]) }
	return plan.LinkCounters{
		Link: link, Netns: netns,
		In: plan.LinkTraffic{
			Traffic: plan.Traffic{Bytes: at(statInBytes), Packets: at(statInPackets)},
			Errors:  at(statInErrors), Dropped: at(statInDropped),
		},
		Out: plan.LinkTraffic{
			Traffic: plan.Traffic{Bytes: at(statOutBytes), Packets: at(statOutPackets)},
			Errors:  at(statOutErrors), Dropped: at(statOutDropped),
		},
		CarrierErrors: at(statCarrierErrors), Collisions: at(statCollisions),
	}
}

// parseXfrmStat reads lines of a name and a number.
func parseXfrmStat(lines string) (counts []plan.Count, err error) {
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		if len(words) != 2 {
			return nil, fmt.Errorf("%s: %q is not a name and a number", xfrmStat, line)
		}
		n, err := strconv.ParseUint(words[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", xfrmStat, words[0], err)
		}
		counts = append(counts, plan.Count{Name: words[0], Value: n})
	}
	return counts, nil
}
