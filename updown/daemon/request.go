package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown"
)

// Reload has the configuration read again, soon.
func (l *Loop) Reload() {
	select {
	case l.reloads <- struct{}{}:
	default: // somebody has asked already
	}
}

// ErrNoConn is the error of Up and Down for a name that stands for no conn, of
// Down for one that is not up.
var ErrNoConn = errors.New("no such conn")

// noConnError is ErrNoConn with a text of its own.
type noConnError string

func (e noConnError) Error() string        { return string(e) }
func (e noConnError) Is(target error) bool { return target == ErrNoConn }

// Up claims conns of the configuration for the administrator, and makes or repairs
// them. A name stands for all conns that its section makes.
func (l *Loop) Up(ctx context.Context, names []string) error {
	c, err := l.Load()
	if err != nil {
		return err
	}
	var conns []conn.Conn
	for _, name := range names {
		n := len(conns)
		for _, one := range c.Conns {
			if one.Name == name || one.Section == name {
				conns = append(conns, one)
			}
		}
		if len(conns) == n {
			err = errors.Join(err, noConnError(fmt.Sprintf("the configuration has no conn %q with an interface", name)))
		}
	}
	if err != nil {
		return err
	}
	addrs := l.LookUp(conns)
	return l.Do(ctx, func(e *updown.Engine) error {
		e.Names = merged(e.Names, addrs)
		_, err := e.Up(conns)
		return err
	})
}

// member is what follows the name of a section in the name of a claim: a member
// of a subnets= product, and what an IKE daemon has claimed of it.
var member = regexp.MustCompile(`^(/[0-9]+x[0-9]+)?(\[.*)?$`)

// Down gives all claims of conns up, whoever made them. They stay down until they
// change in the configuration, somebody brings them up, or the daemon starts again.
func (l *Loop) Down(ctx context.Context, names []string) error {
	return l.Do(ctx, func(e *updown.Engine) error {
		var drop []string
		for _, name := range names {
			claimed, err := e.ClaimedAs(name)
			if err != nil {
				return err
			}
			n := len(drop)
			for _, c := range claimed {
				if member.MatchString(strings.TrimPrefix(c, name)) {
					drop = append(drop, c)
				}
			}
			if len(drop) == n {
				return noConnError(fmt.Sprintf("no conn %q is up", name))
			}
		}
		slices.Sort(drop)
		_, err := e.Release(slices.Compact(drop))
		return err
	})
}

// merged returns a map with the entries of both, those of the second first.
func merged[K comparable, V any](a, b map[K]V) map[K]V {
	all := maps.Clone(a)
	if all == nil {
		all = map[K]V{}
	}
	maps.Copy(all, b)
	return all
}
