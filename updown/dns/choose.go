package dns

import "fmt"

// Host is what of the host decides who is told of a tunnel.
type Host struct {
	Stub    bool        // resolv.conf belongs to systemd-resolved
	Unbound func() bool // reports whether an unbound runs that can be told; asked only if that matters
}

// Choose says who is told of a tunnel. The setting is libreswan's
// dns-resolver=, empty where it is not known; `file` is its default and means
//
//   - unbound, if it runs and the peer named domains: it asks the peer for
//     those only;
//   - systemd-resolved, if resolv.conf is a link to its file, which it writes
//     itself;
//   - resolv.conf else.
func Choose(setting string, r Request, host Host) (Resolver, error) {
	via := File
	switch {
	case setting != "" && setting != string(File) && setting != string(Systemd):
		return "", fmt.Errorf("dns-resolver %q is neither file nor systemd", clip(setting))
	case setting == string(Systemd):
		via = Systemd
	case len(r.Domains) > 0 && host.Unbound():
		via = Unbound
	case host.Stub:
		via = Systemd
	}
	if via == Systemd && r.Link == "" {
		return "", fmt.Errorf("systemd-resolved keeps name servers by interface, and %q has none", r.Claim)
	}
	return via, nil
}
