package kernel

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"golang.org/x/sys/unix"
)

// procNet is where the sysctls of the thread's network namespace are.
const procNet = "/proc/sys/net/"

// markReflectors are the sysctls that give a reply the mark of the packet it
// answers.
var markReflectors = []string{"ipv4/fwmark_reflect", "ipv6/fwmark_reflect", "ipv4/tcp_fwmark_accept"}

// reflectsMark returns the name of the first such sysctl that is on, or "".
func reflectsMark() string {
	for _, name := range markReflectors {
		if n, err := readSysctl(name); err == nil && n != 0 {
			return "net." + strings.ReplaceAll(name, "/", ".")
		}
	}
	return ""
}

// rpFilter adds rp_filter of the links to the state, and returns all values.
func rpFilter(s plan.State, links []string) (plan.RPFilter, error) {
	rp := plan.RPFilter{Links: map[string]int{}}
	var err error
	if rp.All, err = readSysctl(ofLink("all", routing.SysctlRPFilter)); err != nil {
		return rp, err
	}
	if rp.Default, err = readSysctl(ofLink("default", routing.SysctlRPFilter)); err != nil {
		return rp, err
	}
	for _, link := range links {
		n, err := readSysctl(ofLink(link, routing.SysctlRPFilter))
		if err != nil {
			continue // the link has gone in the meantime
		}
		rp.Links[link] = n
		s.Put(routing.Sysctl{Link: link, Name: routing.SysctlRPFilter, Value: n})
	}
	return rp, nil
}

// promotes adds promote_secondaries to the state for those of the links for
// which it is on. A link that has gone in the meantime has none.
func promotes(s plan.State, links []string) {
	all, _ := readSysctl(ofLink("all", routing.SysctlPromote))
	for _, link := range links {
		if n, err := readSysctl(ofLink(link, routing.SysctlPromote)); err == nil && (all != 0 || n != 0) {
			s.Put(routing.Sysctl{Link: link, Name: routing.SysctlPromote, Value: 1})
		}
	}
}

// ofLink returns the path of an IPv4 setting of a link below procNet.
func ofLink(link, name string) string { return "ipv4/conf/" + link + "/" + name }

// hasIPv6 reports whether the kernel has IPv6, which ipv6.disable=1 switches off.
func hasIPv6() bool {
	_, err := os.Stat(procNet + "ipv6")
	return err == nil
}

func readSysctl(name string) (int, error) {
	b, err := os.ReadFile(procNet + name)
	if err != nil {
		return 0, fmt.Errorf("reading sysctl net/%s: %w", name, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("reading sysctl net/%s: %w", name, err)
	}
	return n, nil
}

func writeSysctl(s routing.Sysctl) error {
	if strings.ContainsRune(s.Link, '/') || s.Link == ".." || s.Link == "." {
		return unix.EINVAL // no name of a device
	}
	// No O_CREAT: a setting that does not exist is an error.
	f, err := os.OpenFile(procNet+ofLink(s.Link, s.Name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(s.Value))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
