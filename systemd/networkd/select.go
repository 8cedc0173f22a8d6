package networkd

import (
	"maps"
	"slices"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// Makes reports whether networkd makes an object of the files of these
// interfaces.
func Makes(o plan.Object, links []string) bool {
	switch o := o.(type) {
	case xfrmi.Link, xfrmi.Attr, xfrmi.Addr, routing.Route, routing.Rule:
		return true
	case routing.Sysctl:
		return o.Name == routing.SysctlRPFilter && !o.IPv6 && slices.Contains(links, o.Link)
	}
	return false
}

// GivesWay reports whether an object that is in the place of a wanted one is no
// reason not to write files: networkd has made it of those that it had before for
// these interfaces. The installer looks at interfaces itself.
func GivesWay(o plan.Object, links []string) bool {
	switch o := o.(type) {
	case xfrmi.Link:
		return true
	case routing.Route:
		return o.Protocol == routing.ProtocolStatic && slices.Contains(links, o.Dev)
	}
	return false
}

// Sharing returns the names of the conns that files of these interfaces were made
// from. Files are our files with their texts.
func Sharing(files map[string]string, links []string) []string {
	var names []string
	for _, link := range links {
		for _, name := range Sources(files[networkOf(link)]) {
			names = unique(names, name)
		}
	}
	return names
}

// Installed returns the names of the interfaces that files of ours make for some
// conns.
func Installed(files map[string]string, conns []string) []string {
	var links []string
	for _, file := range slices.Sorted(maps.Keys(files)) {
		link, _, ok := netdevOf(file, files[file])
		if ok && slices.ContainsFunc(Sources(files[file]), func(c string) bool { return slices.Contains(conns, c) }) {
			links = append(links, link)
		}
	}
	return links
}

// Obsolete returns the names of the files that conns had, and need no more.
func Obsolete(files map[string]string, now []File, conns []string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		needed := slices.ContainsFunc(now, func(f File) bool { return f.Name == name })
		ofOthers := slices.ContainsFunc(Sources(files[name]), func(c string) bool { return !slices.Contains(conns, c) })
		if !needed && !ofOthers {
			names = append(names, name)
		}
	}
	return names
}

// Pick returns the names of the files of some conns, the names of those conns,
// and of the others that the files were made from.
func Pick(files map[string]string, isOne func(name string) bool) (names, conns, others []string) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		sources := Sources(files[file])
		if !slices.ContainsFunc(sources, isOne) {
			continue
		}
		names = append(names, file)
		for _, c := range sources {
			if isOne(c) {
				conns = unique(conns, c)
			} else {
				others = unique(others, c)
			}
		}
	}
	return names, conns, others
}

// networkOf and netdevFile return the names of the files of an interface.
func networkOf(link string) string  { return prefix + link + ".network" }
func netdevFile(link string) string { return prefix + link + ".netdev" }
