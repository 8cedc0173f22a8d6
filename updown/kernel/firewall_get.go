package kernel

import (
	"errors"
	"fmt"

	"github.com/ipsecif/ipsecif/xfrmi/firewall"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// single adds those elements of a set that are asked for, one by one: the others
// may be many.
func (r *filterReader) single(set firewall.Set) error {
	for _, e := range r.entries {
		if e.Set().Key() != set.Key() {
			continue
		}
		reply, err := elementRequest(e).Execute(unix.NETLINK_NETFILTER, 0)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return fmt.Errorf("asking for %s: %w", e, err)
		}
		for _, msg := range reply {
			if found, ok := parseElementReply(set, msg); ok {
				r.state.Put(found)
			}
		}
	}
	return nil
}

// elementRequest asks for one element (linux/netfilter/nf_tables.h).
func elementRequest(e firewall.Entry) *nl.NetlinkRequest {
	table := nftTableOf(e.Place.Table)
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETSETELEM, 0)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: uint8(table.Family), Version: unix.NFNETLINK_V0})
	req.AddData(nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_TABLE, nl.ZeroTerminated(table.Name)))
	req.AddData(nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, nl.ZeroTerminated(e.Set().Name())))
	list := nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, nil)
	element := list.AddRtAttr(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, nil)
	key := element.AddRtAttr(unix.NFTA_SET_ELEM_KEY|unix.NLA_F_NESTED, nil)
	key.AddRtAttr(unix.NFTA_DATA_VALUE, elementKey(e))
	req.AddData(list)
	return req
}

func parseElementReply(set firewall.Set, msg []byte) (firewall.Entry, bool) {
	if len(msg) < nl.SizeofNfgenmsg {
		return firewall.Entry{}, false
	}
	list := attrs(msg[nl.SizeofNfgenmsg:])[unix.NFTA_SET_ELEM_LIST_ELEMENTS]
	element := attrs(attrs(list)[unix.NFTA_LIST_ELEM])
	key := attrs(element[unix.NFTA_SET_ELEM_KEY])[unix.NFTA_DATA_VALUE]
	data := attrs(element[unix.NFTA_SET_ELEM_DATA])[unix.NFTA_DATA_VERDICT]
	return parseEntry(set, key, data)
}
