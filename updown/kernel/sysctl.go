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
	if rp.All, err = readSysctl(rpFilterOf("all")); err != nil {
		return rp, err
	}
	if rp.Default, err = readSysctl(rpFilterOf("default")); err != nil {
		return rp, err
	}
	for _, link := range links {
		n, err := readSysctl(rpFilterOf(link))
		if err != nil {
			continue // the link has gone in the meantime
		}
		rp.Links[link] = n
		s.Put(routing.Sysctl{Link: link, Name: routing.SysctlRPFilter, Value: n})
	}
	return rp, nil
}

func rpFilterOf(link string) string { return "ipv4/conf/" + link + "/" + routing.SysctlRPFilter }

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
	f, err := os.OpenFile(procNet+"ipv4/conf/"+s.Link+"/"+s.Name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(s.Value))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
