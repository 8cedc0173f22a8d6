package conn

import (
	"fmt"
	"slices"
)

// priorityVRF is where the kernel looks up the tables of VRFs (FIB_RULE_PREF of
// drivers/net/vrf.c).
const priorityVRF = 1000

// vrfs finds conns with a default route outside of all VRFs that is looked up
// before their tables: it would take what is theirs.
func (l *linter) vrfs() {
	i := slices.IndexFunc(l.tunnels, func(t tunnel) bool { return t.VRF != "" })
	if i < 0 {
		return
	}
	inside := l.tunnels[i].Conn
	for i := range l.tunnels {
		t := &l.tunnels[i]
		p := placeOf(t.Conn).priority
		if !t.enclosed() && !inMain(schemeOf(t.Conn)) && p < priorityVRF && slices.ContainsFunc(t.demands, demand.isDefault) {
			l.fail(t.Conn, "rule-priority", CodeVRFBehindDefault, fmt.Sprintf("with %d its default route is looked up before VRFs, which are at %d, and takes the packets of conn %q (%s) in %s",
				p, priorityVRF, inside.Section, inside.Pos, vrfText(inside.VRF)), "set a number above 1000")
		}
	}
}

func vrfText(name string) string {
	if name == "" {
		return "no VRF"
	}
	return "VRF " + name
}
