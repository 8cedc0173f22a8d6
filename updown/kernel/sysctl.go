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

// settings adds rp_filter of the links to the state, and promote_secondaries of
// those for which it is on, and disable_policy of VTI devices. It returns all values
// of rp_filter.
func (t *linkTable) settings(s plan.State, links []string) (plan.RPFilter, error) {
	rp := plan.RPFilter{Links: map[string]int{}}
	var err error
	if rp.All, err = readSysctl(ofLink("all", routing.SysctlRPFilter)); err != nil {
		return rp, err
	}
	if rp.Default, err = readSysctl(ofLink("default", routing.SysctlRPFilter)); err != nil {
		return rp, err
	}
	t.proxyNDP(s)
	promote, err := readSysctl(ofLink("all", routing.SysctlPromote))
	for _, link := range links {
		c, ok := t.conf[link]
		if !ok {
			continue // no such link, or one without IPv4
		}
		rp.Links[link] = c.rpFilter
		s.Put(routing.Sysctl{Link: link, Name: routing.SysctlRPFilter, Value: c.rpFilter})
		for _, n := range []routing.Sysctl{{Value: c.noPolicy}, {IPv6: true, Value: c.noPolicy6}} {
			if c.isVTI && n.Value >= 0 {
				n.Link, n.Name = link, routing.SysctlNoPolicy
				s.Put(n)
			}
		}
		if c.promotes || promote != 0 {
			s.Put(routing.Sysctl{Link: link, Name: routing.SysctlPromote, Value: 1})
		}
	}
	return rp, err
}

// ofLink returns the path of an IPv4 setting of a link below procNet.
func ofLink(link, name string) string { return "ipv4/conf/" + link + "/" + name }

// hasIPv6 reports whether the kernel has IPv6, which ipv6.disable=1 switches off.
func hasIPv6() bool {
	_, err := os.Stat(procNet + "ipv6")
	return err == nil
}

func readSysctl(name string) (int, error) {
	b, err := readSmall(procNet + name)
	if err != nil {
		return 0, fmt.Errorf("reading sysctl net/%s: %w", name, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("reading sysctl net/%s: %w", name, err)
	}
	return n, nil
}

// readSmall reads a file of a few bytes with three system calls. os.ReadFile needs
// eleven, since it takes such a file for one that may have to be waited for.
func readSmall(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b := make([]byte, 64)
	n, err := unix.Read(fd, b)
	return b[:max(n, 0)], err
}

func writeSysctl(s routing.Sysctl) error {
	if strings.ContainsRune(s.Link, '/') || s.Link == ".." || s.Link == "." {
		return unix.EINVAL // no name of a device
	}
	path := ofLink(s.Link, s.Name)
	if s.IPv6 {
		path = "ipv6" + strings.TrimPrefix(path, "ipv4")
	}
	// No O_CREAT: a setting that does not exist is an error.
	f, err := os.OpenFile(procNet+path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(s.Value))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
