package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// kernelRelease has what uname(2) calls the release.
const kernelRelease = "/proc/sys/kernel/osrelease"

// hostFacts reads what Lint wants to know about this host. What cannot be read
// stays zero and is named by the error.
func hostFacts(f *conn.File) (conn.HostFacts, error) {
	var h conn.HostFacts
	release, err := os.ReadFile(kernelRelease)
	errs := []error{err}
	h.Kernel = strings.TrimSpace(string(release))
	h.Locals, err = localAddrs()
	errs = append(errs, err)
	for _, l := range h.Locals.Addrs {
		h.GlobalIPv6 = h.GlobalIPv6 || l.Addr.Is6() && l.Addr.IsGlobalUnicast() && !l.Addr.IsPrivate()
	}
	if kv, ok := f.Setup.Get("secretsfile"); ok {
		info, err := os.Stat(kv.Value)
		errs = append(errs, err)
		if err == nil {
			h.Secrets = map[string]fs.FileMode{kv.Value: info.Mode()}
		}
	}
	h.UniqueIfID, err = uniqueIfID()
	return h, errors.Join(append(errs, err)...)
}

// strongSwanFiles are where strongSwan's connections are kept on Debian and
// on Fedora.
var strongSwanFiles = []string{
	"/etc/swanctl/swanctl.conf", "/etc/swanctl/conf.d/*.conf",
	"/etc/strongswan/swanctl/swanctl.conf", "/etc/strongswan/swanctl/conf.d/*.conf",
}

var uniqueKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[^#\n]*\bif_id_(in|out)\s*=\s*%unique`)
})

// uniqueIfID returns the first place in which strongSwan is told to choose
// if_ids itself, "" when there is none.
func uniqueIfID() (string, error) {
	var errs []error
	for _, pattern := range strongSwanFiles {
		names, err := filepath.Glob(pattern)
		errs = append(errs, err)
		for _, name := range names {
			text, err := os.ReadFile(name)
			errs = append(errs, err)
			if at := uniqueKey().FindIndex(text); at != nil {
				return fmt.Sprintf("%s:%d", name, 1+bytes.Count(text[:at[1]], []byte("\n"))), nil
			}
		}
	}
	return "", errors.Join(errs...)
}

// localAddrs returns the addresses and default routes of this host.
func localAddrs() (conn.Locals, error) {
	k, err := kernel.Open()
	if err != nil {
		return conn.Locals{}, err
	}
	defer k.Close()
	o, err := k.Observe(plan.Query{})
	return o.Facts.Locals, err
}
