package networkd

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/ipsecif/ipsecif/xfrmi"
)

// await waits until networkd has configured interfaces with our files, and all
// that they ask for is there. It gives up when nothing has changed for some time.
func (i Installer) await(ctx context.Context, names []string, patience time.Duration) error {
	const shortest = 10 * time.Millisecond
	longest := 500*time.Millisecond + time.Duration(len(names))*2*time.Millisecond
	var last map[string]Link
	pause := shortest
	for end := time.Now().Add(patience); ; {
		links, err := i.Client.Links(ctx, names)
		if err != nil {
			return err
		}
		why := i.judge(names, links)
		if why == nil {
			missing := i.Verify()
			if missing == nil {
				return nil
			}
			why = &errState{missing.Error(), false}
		}
		if why.final || time.Now().After(end) && maps.Equal(links, last) {
			return why
		}
		if !maps.Equal(links, last) {
			last, end, pause = links, time.Now().Add(patience), shortest
		}
		time.Sleep(pause)
		pause = min(2*pause, longest)
	}
}

// errState is an interface that is not as it is to be.
type errState struct {
	text  string
	final bool // waiting does not help
}

// Error names the interface and what networkd says of it.
func (e *errState) Error() string { return e.text }

// judge returns an error about the first interface that is not as it is to be,
// one that is final if there is any.
func (i Installer) judge(names []string, links map[string]Link) *errState {
	var first *errState
	for _, name := range names {
		l, known := links[name]
		if why := i.judgeOne(name, l, known); why != nil && (first == nil || why.final && !first.final) {
			first = why
		}
	}
	return first
}

// judgeOne says why an interface is not as it is to be.
func (i Installer) judgeOne(name string, l Link, known bool) *errState {
	const journal = "; `journalctl -u systemd-networkd` may say more"
	file := i.networkFile(name)
	switch {
	case !known:
		return &errState{"systemd-networkd has not made the interface " + name + ": perhaps the kernel has no xfrm interfaces" + journal, false}
	case l.Setup == fails:
		return &errState{fmt.Sprintf("systemd-networkd says that the interface %s is %s (%s)%s", name, l.Setup, l.Operational, journal), true}
	case l.Setup == managesNo:
		return &errState{fmt.Sprintf("systemd-networkd leaves the interface %s alone: perhaps by a file with Unmanaged= that comes before %s", name, file), true}
	case l.Network != "" && l.Network != file:
		return &errState{fmt.Sprintf("systemd-networkd takes %s for the interface %s, which comes before %s; exclude the interface there", l.Network, name, file), true}
	case l.Setup != manages || l.Network != file:
		return &errState{fmt.Sprintf("the interface %s is %s (%s) for systemd-networkd, not %s%s", name, l.Setup, l.Operational, manages, journal), false}
	}
	return nil
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
		before := len(names)
		names = slices.DeleteFunc(names, func(name string) bool {
			l, is := known[name]
			return !is || !gone && l.Network != i.networkFile(name)
		})
		if len(names) == 0 {
			return nil
		}
		if len(names) < before {
			end = time.Now().Add(patience)
		}
		if time.Now().After(end) {
			return fmt.Errorf("systemd-networkd does not let the interface %s go, which is %s", names[0], known[names[0]].Setup)
		}
	}
}

func (i Installer) networkFile(link string) string {
	return filepath.Join(string(i.Dir), networkOf(link))
}
