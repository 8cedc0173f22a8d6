package pluto

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// recorder is the leftupdown= of conns of which more is compared than the status
// shows: it keeps the environment that pluto gives to its hook.
const recorder = "env >>" + recordFile + " && echo >>" + recordFile

const recordFile = "/run/updown.env"

// recorded are the variables that are compared, beside those of which the status
// tells the same.
var recorded = []string{
	"PLUTO_SA_REQID", "INTERFACE_IP", "VTI_IP", "PLUTO_NM_CONFIGURED", "PLUTO_NEXT_HOP", "PLUTO_METRIC", "PLUTO_MTU", "CONNMARK_IN", "CONNMARK_OUT",
	"NFLOG", "PLUTO_CFG_SERVER", "PLUTO_CFG_CLIENT", "PLUTO_CLIENT_FAMILY", "PLUTO_CONN_ADDRFAMILY",
	"PLUTO_MY_PROTOCOL", "PLUTO_MY_PORT", "PLUTO_PEER_PROTOCOL", "PLUTO_PEER_PORT",
}

// automaticReqID stands for a reqid that pluto chose; those are above what
// reqid= may be.
const (
	automaticReqID = "automatic"
	maxReqID       = 16383
)

// record has pluto route and unroute each conn that has the recorder, and adds
// what the hook was told first to its record.
func record(ctx context.Context, h *hosts.Host, conns map[string]Record) error {
	for name, r := range conns {
		if r["my_updown"] != recorder {
			continue
		}
		if err := h.WriteFile(recordFile, nil, 0o600); err != nil {
			return err
		}
		for _, verb := range [...]string{"--route", "--unroute"} {
			if _, err := h.Whack(ctx, verb, "--name", name); err != nil {
				return err
			}
		}
		data, err := h.ReadFile(recordFile)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(data), "\n\n")
		for line := range strings.SplitSeq(first, "\n") {
			if name, value, _ := strings.Cut(line, "="); slices.Contains(recorded, name) {
				r[name] = value
			}
		}
		if id, err := strconv.Atoi(r["PLUTO_SA_REQID"]); err == nil && id > maxReqID {
			r["PLUTO_SA_REQID"] = automaticReqID
		}
	}
	return nil
}

// hook adds what the hook is told, for the first pair of selectors.
func (x *expectation) hook() {
	c, r := x.c, x.record
	our, their := c.Ends(x.ours)
	if !x.oriented || our.Updown.Command != recorder {
		return
	}
	set := func(name, value string) {
		if value != "" {
			r[name] = value
		}
	}
	r["PLUTO_SA_REQID"] = automaticReqID
	set("PLUTO_SA_REQID", decimalOrNone(c.ReqID))
	for _, a := range our.InterfaceIPs {
		r["INTERFACE_IP"] = a.String()
	}
	if our.VTI.IsValid() {
		r["VTI_IP"] = our.VTI.String()
	}
	r["PLUTO_NM_CONFIGURED"] = digit(c.NMConfigured)
	r["PLUTO_CFG_SERVER"], r["PLUTO_CFG_CLIENT"] = digit(our.ModeCfgServer), digit(our.ModeCfgClient)
	set("PLUTO_METRIC", decimalOrNone(c.Metric))
	set("PLUTO_MTU", decimalOrNone(c.MTU))
	set("NFLOG", decimalOrNone(uint32(c.NflogGroup)))
	x.hookMarks()
	x.hookSelectors(our, their)
}

// hookMarks adds the marks, which pluto gives to its hook for VTI devices.
func (x *expectation) hookMarks() {
	for name, mark := range map[string]conn.Mark{"CONNMARK_IN": x.c.MarkIn, "CONNMARK_OUT": x.c.MarkOut} {
		if mark.Value != 0 && (name == "CONNMARK_IN" || x.c.Interface.IfID == 0) {
			x.record[name] = markText(mark)
		}
	}
}

// hookSelectors adds families, the next hop, protocols and ports.
func (x *expectation) hookSelectors(our, their *conn.End) {
	r := x.record
	peer, _ := x.hostAddr(x.ours.Other())
	r["PLUTO_NEXT_HOP"] = peer.String()
	if hop := x.hopText(x.ours); hop != "" {
		r["PLUTO_NEXT_HOP"] = hop
	}
	inner := x.c.Family
	r["PLUTO_CONN_ADDRFAMILY"] = strings.ToLower(inner.String())
	selectors := [2]conn.Selector{}
	for i, end := range [...]*conn.End{our, their} {
		selectors[i] = conn.Selector{Prefix: netip.Prefix{}, Protocol: end.ProtoPort.Protocol, Port: end.ProtoPort.Port}
		if len(end.Subnets) > 0 {
			selectors[i] = end.Subnets[0]
			inner = familyOf(selectors[i].Prefix.Addr())
		}
	}
	r["PLUTO_CLIENT_FAMILY"] = strings.ToLower(inner.String())
	for i, who := range [...]string{"MY", "PEER"} {
		r["PLUTO_"+who+"_PROTOCOL"], r["PLUTO_"+who+"_PORT"] = decimal(uint32(selectors[i].Protocol)), decimal(uint32(selectors[i].Port))
	}
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
