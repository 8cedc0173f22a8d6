package conn

import (
	"io/fs"
	"path"
)

// Codes of Lint.
const (
	CodeStockUpdown       = "stock-updown"        // libreswan's own hook works against ipsecif
	CodeManagedByPluto    = "managed-by-pluto"    // pluto makes and removes the device itself
	CodeInterfaceClash    = "interface-clash"     // two conns pair a device and an if_id differently
	CodeInterfaceSettings = "interface-settings"  // two conns of one if_id differ in scheme= or table=
	CodeVRFClash          = "vrf-clash"           // two conns of one interface differ in vrf=
	CodeVRFBehindDefault  = "vrf-behind-default"  // a default route outside is looked up before the VRF
	CodeNetnsClash        = "netns-clash"         // two conns of one interface differ in netns=
	CodeUniqueIfID        = "unique-if-id"        // strongSwan may hand out the same if_id
	CodeSchemeClash       = "scheme-clash"        // one table with two schemes
	CodePriorityClash     = "priority-clash"      // rules of two conns get in each other's way
	CodePriorityRange     = "priority-range"      // no room for the rules around rule-priority=
	CodeLocalLANClash     = "local-lan-clash"     // two default routes of one table disagree about the LAN
	CodeReservedTable     = "reserved-table"      // table= is one that the kernel uses itself
	CodeMarkOutZero       = "mark-out-zero"       // mark-out= marks nothing
	CodeMarkClash         = "mark-clash"          // a packet matches two marks with different meaning
	CodeRouteClash        = "route-clash"         // two conns need different routes in one place
	CodeShadowedRoute     = "shadowed-route"      // the route of another conn is found first
	CodeSwallowedPeer     = "swallowed-peer"      // ESP of a conn would go into the tunnel of another
	CodeSourceIPOutside   = "source-ip-outside"   // sourceip= is in no selector of its end
	CodeMTUBelowIPv6      = "mtu-below-ipv6"      // mtu= is too small for IPv6
	CodeNoPeer            = "no-peer"             // both ends name this host
	CodeEscapePeer        = "escape-peer"         // escape=peer cannot be used here
	CodeSourceClash       = "source-clash"        // two conns with route-by=source for the same packets
	CodeUnsupported       = "unsupported"         // a value that ipsecif refuses so far
	CodeOffloadInbound    = "offload-inbound"     // the kernel refuses offload together with an if_id
	CodeIPv6InTheClear    = "ipv6-in-the-clear"   // only IPv4 goes through the tunnel
	CodeSecretsMode       = "secrets-file-access" // others may use the file with the secrets
)

// ownFile is the name of the file that no IKE daemon reads.
const ownFile = "ipsecif.conf"

// HostFacts is what Lint has to know about the host. The zero value means that
// nothing is known; what depends on it is not reported then.
type HostFacts struct {
	Locals     Locals                 // addresses; default routes are not needed
	GlobalIPv6 bool                   // has an IPv6 address that others can reach
	Kernel     string                 // release as in uname(2), such as "6.16.3-amd64"
	Secrets    map[string]fs.FileMode // modes of the files that config setup names in secretsfile=
	UniqueIfID string                 // where strongSwan is told if_id_in=%unique, "" if nowhere
}

// Lint looks for what is valid and yet costs its user hours. The conns are
// those of File.Conns. Conns that are for other hosts are left alone. On a
// host that none of them is for, left is taken as the local end.
func (f *File) Lint(conns []Conn, host HostFacts) Diagnostics {
	l := newLinter(f, host, conns)
	l.pluto()
	l.interfaces()
	l.vtis()
	l.vrfs()
	l.uniqueIfIDs()
	l.places()
	l.schemes()
	l.marks()
	l.routes()
	l.sources()
	l.peers()
	l.ends(conns)
	l.hostLimits()
	return l.finish(f.order)
}

// linter gathers findings.
type linter struct {
	collector
	file    *File
	host    HostFacts
	setup   Setup
	tunnels []tunnel // conns with an interface that are for this host
	plain   []tunnel // conns without one
	seen    map[problemPlace]bool
}

func newLinter(f *File, host HostFacts, conns []Conn) *linter {
	l := &linter{file: f, host: host, seen: map[problemPlace]bool{}}
	l.setup, _ = f.Settings()
	l.orient(conns)
	return l
}

// warn reports a doubtful value, fail one with which the conn cannot work.
func (l *linter) warn(c *Conn, key, code, text, hint string) {
	l.report(c, Warning, key, code, text, hint)
}

func (l *linter) fail(c *Conn, key, code, text, hint string) {
	l.report(c, Error, key, code, text, hint)
}

// report adds a finding, once for each place: the members of a subnets=
// product and the users of a template share their keys.
func (l *linter) report(c *Conn, s Severity, key, code, text, hint string) {
	d := Diagnostic{Pos: l.keyPos(c, key), Severity: s, Code: code, Conn: c.Section, Key: key, Text: text, Hint: hint}
	place := problemPlace{d.Pos, d.Code, d.Key}
	if l.seen[place] {
		return
	}
	l.seen[place] = true
	l.add(d)
}

// keyPos returns the place of a key in the conn, else in config setup, else of
// the conn.
func (l *linter) keyPos(c *Conn, key string) Pos {
	if pos := c.KeyPos(key); pos != c.Pos {
		return pos
	}
	if kv, ok := l.file.Setup.Get(key); ok {
		return kv.ValuePos()
	}
	return c.Pos
}

// interfaceKey is the key that gives the conn its interface.
func interfaceKey(c *Conn) string {
	if c.KeyPos("ipsec-interface") == c.Pos && c.IfID != 0 {
		return "if_id"
	}
	return "ipsec-interface"
}

// linkKey is the key that names the device of the conn.
func linkKey(c *Conn) string {
	if c.KeyPos("link-name") != c.Pos {
		return "link-name"
	}
	return interfaceKey(c)
}

// readByPluto tells whether libreswan reads the file of the conn.
func readByPluto(c *Conn) bool { return path.Base(c.Pos.File) != ownFile }

// andMore ends a text that stands for the first of several conns.
func andMore(same []*tunnel) string {
	others := map[string]bool{}
	for _, t := range same {
		if t.Section != same[0].Section {
			others[t.Section] = true
		}
	}
	switch len(others) {
	case 0:
		return ""
	case 1:
		return "; this goes for 1 more conn"
	}
	return "; this goes for " + decimal(uint64(len(others))) + " more conns"
}
