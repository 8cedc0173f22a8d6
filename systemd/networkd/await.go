package networkd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/ipsecif/ipsecif/xfrmi"
)

// await waits until networkd has configured interfaces with our files, and all
// that they ask for is there. It gives up when nothing has got better for some
// time.
func (i Installer) await(ctx context.Context, names []string, patience time.Duration) error {
	const shortest, longest = 10 * time.Millisecond, 500 * time.Millisecond
	pause := shortest
	for end := time.Now().Add(patience); ; {
		waiting, why := i.waiting(ctx, names)
		if why != nil && final(why) {
			return why
		}
		if len(waiting) < len(names) {
			names, end, pause = waiting, time.Now().Add(patience), shortest
		}
		if len(names) == 0 && why == nil {
			if why = i.Verify(); why == nil {
				return nil
			}
		}
		if time.Now().After(end) {
			return why
		}
		time.Sleep(pause)
		pause = min(2*pause, longest)
	}
}

// release waits until networkd is done with interfaces: it applies no file of ours
// to them any more, or has heard that they are gone.
func (i Installer) release(ctx context.Context, links []xfrmi.Link, gone bool) error {
	var names []string
	for _, l := range links {
		names = append(names, l.Name)
	}
	const pause = 20 * time.Millisecond
	for end := time.Now().Add(patience); ; time.Sleep(pause) {
		known, err := i.Client.Links(ctx, names)
		if err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(name string) bool {
			l, is := known[name]
			return !is || !gone && l.Network != i.networkFile(name)
		})
		if len(names) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("systemd-networkd does not let the interface %s go, which is %s", names[0], known[names[0]].Setup)
		}
	}
}

func (i Installer) networkFile(link string) string {
	return filepath.Join(string(i.Dir), networkOf(link))
}

// errState is an interface that is not as it is to be.
type errState struct {
	text  string
	final bool // waiting does not help
}

// Error names the interface and what networkd says of it.
func (e errState) Error() string { return e.text }

func final(err error) bool {
	s, ok := err.(errState)
	return !ok || s.final
}

// waiting returns the interfaces that are not configured yet, and an error about
// the first of them.
func (i Installer) waiting(ctx context.Context, names []string) ([]string, error) {
	links, err := i.Client.Links(ctx, names)
	if err != nil {
		return names, err
	}
	var left []string
	var first error
	for _, name := range names {
		l, known := links[name]
		why := i.judge(name, l, known)
		if why == nil {
			continue
		}
		left = append(left, name)
		if s := why.(errState); first == nil || s.final {
			first = why
		}
	}
	return left, first
}

// judge says why an interface is not as it is to be.
func (i Installer) judge(name string, l Link, known bool) error {
	const journal = "; `journalctl -u systemd-networkd` may say more"
	file := i.networkFile(name)
	switch {
	case !known:
		return errState{"systemd-networkd has not made the interface " + name + ": perhaps the kernel has no xfrm interfaces" + journal, false}
	case l.Setup == fails:
		return errState{fmt.Sprintf("systemd-networkd says that the interface %s is %s (%s)%s", name, l.Setup, l.Operational, journal), true}
	case l.Setup == managesNo:
		return errState{fmt.Sprintf("systemd-networkd leaves the interface %s alone: perhaps by a file with Unmanaged= that comes before %s", name, file), true}
	case l.Network != "" && l.Network != file:
		return errState{fmt.Sprintf("systemd-networkd takes %s for the interface %s, which comes before %s; exclude the interface there", l.Network, name, file), true}
	case l.Setup != manages || l.Network != file:
		return errState{fmt.Sprintf("the interface %s is %s (%s) for systemd-networkd, not %s%s", name, l.Setup, l.Operational, manages, journal), false}
	}
	return nil
}
