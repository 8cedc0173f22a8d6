package conn

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// hostLimits finds what does not go together with this host.
func (l *linter) hostLimits() {
	refuses := refusesInbound(l.host.Kernel)
	default6 := slices.ContainsFunc(l.tunnels, func(t tunnel) bool {
		return slices.ContainsFunc(t.demands, func(d demand) bool { return d.isDefault() && d.theirs.Addr().Is6() })
	})
	for i := range l.tunnels {
		t := &l.tunnels[i]
		if t.Type == TypeTransport {
			l.fail(t.Conn, "type", CodeUnsupported, TransportLoops, TransportHint)
		}
		if t.NICOffload != OffloadNo && refuses {
			l.warn(t.Conn, "nic-offload", CodeOffloadInbound,
				"Linux refuses inbound SAs that have offload and an if_id since 6.16, and this host runs "+l.host.Kernel, "set nic-offload=no")
		}
		takesDefault := slices.ContainsFunc(t.demands, func(d demand) bool { return d.isDefault() && d.attracts() })
		if takesDefault && !default6 && l.host.GlobalIPv6 {
			l.warn(t.Conn, t.selectorKey(), CodeIPv6InTheClear,
				"only IPv4 goes through the tunnel; this host has a global IPv6 address, and its IPv6 packets leave in the clear",
				"add ::/0 if the peer agrees to it, or block IPv6")
		}
	}
	l.secrets()
}

// refusesInbound tells whether a kernel refuses inbound SAs that have an if_id
// and are to be offloaded: xfrm_dev_state_add of Linux 6.16 and later.
func refusesInbound(release string) bool {
	major, rest, _ := strings.Cut(release, ".")
	minor := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 6 || a == 6 && b >= 16)
}

// secrets finds files with private keys that everyone may use.
func (l *linter) secrets() {
	kv, ok := l.file.Setup.Get("secretsfile")
	if mode := l.host.Secrets[kv.Value].Perm(); ok && mode&0o006 != 0 {
		l.add(Diagnostic{Pos: kv.ValuePos(), Severity: Warning, Code: CodeSecretsMode, Key: kv.Key,
			Text: fmt.Sprintf("everyone on this host may read or write %s (mode %#o)", kv.Value, mode),
			Hint: "chmod 600 " + kv.Value})
	}
}
