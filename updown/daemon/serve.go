package daemon

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/updown/watch"
)

// reload reads the configuration, and returns the names of conns that are not in
// it any more. What cannot be read leaves everything as it is.
func (l *Loop) reload(first bool) (gone []string) {
	c, err := l.load()
	if err != nil {
		if text := err.Error(); text != l.confError {
			l.confError = text
			for line := range strings.SplitSeq(text, "\n") {
				l.Log(Message{Priority: Error, Text: line})
			}
			if !first {
				l.Log(Message{Priority: Error, Text: "the configuration cannot be used; what was in it before stays as it is"})
			}
		}
		return nil
	}
	if l.confError != "" {
		l.confError = ""
		l.Log(Message{Priority: Notice, Text: "the configuration can be used again"})
	}
	l.say("warnings", Warning, strings.Join(c.Warnings, "\n"))
	l.Engine.Managed, l.Engine.Netns = c.Extent.Managed, c.Extent.Netns
	now := make(map[string]uint64, len(c.Conns))
	for i := range c.Conns {
		one := &c.Conns[i]
		now[one.Name] = one.Fingerprint()
		if was, ok := l.known[one.Name]; !ok || was != now[one.Name] {
			l.pending[one.Name] = *one
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.known)) {
		if _, ok := now[name]; !ok {
			gone = append(gone, name)
			delete(l.pending, name)
			delete(l.blocked, name)
		}
	}
	l.known, l.configured = now, nil
	for i := range c.Conns {
		l.configured = append(l.configured, configured(c.Conns[i]))
	}
	slices.SortFunc(l.configured, func(a, b ConnStatus) int { return strings.Compare(a.Name, b.Name) })
	return gone
}

// configured returns what the configuration says of a conn.
func configured(c conn.Conn) ConnStatus {
	return ConnStatus{Name: c.Name, Condition: updown.Down, IfID: c.Interface.IfID, Link: c.Link(), VRF: c.VRF, Netns: c.Netns}
}

// load reads the configuration and watches it. Where something new is watched, it
// is read again: it may have changed before that.
func (l *Loop) load() (c Conf, err error) {
	for again := true; again; {
		c, err = l.Load()
		again = !slices.Equal(c.Places.Dirs, l.dirs)
		l.dirs = c.Places.Dirs
		if failed := l.Watch(c.Places); failed != nil {
			l.say("watch", Warning, failed.Error())
		}
	}
	return c, err
}

// serve gives up the conns that are gone from the configuration, and claims those
// that are new or have changed there. What the administrator has claimed stays
// his own, and what he has given up stays down until its conn changes. The first
// configuration is also compared with what an earlier daemon has claimed.
func (l *Loop) serve(gone []string) error {
	first := !l.compared && l.confError == ""
	if len(gone)+len(l.pending) == 0 && !first {
		return nil
	}
	owners, err := l.Engine.Owners()
	if err != nil {
		return err
	}
	if first {
		l.compared = true
		for name, owner := range owners {
			if _, ok := l.known[name]; !ok && owner != updown.Admin && owner != Owner {
				continue // of an IKE daemon
			} else if !ok {
				gone = append(gone, name)
			}
		}
	}
	var auto, byHand []conn.Conn
	for _, name := range slices.Sorted(maps.Keys(l.pending)) {
		c := l.pending[name]
		delete(l.orphans, name)
		switch owner := owners[name]; {
		case owner == updown.Admin:
			byHand = append(byHand, c)
		case c.Auto == conn.AutoIgnore:
			delete(l.pending, name)
			delete(l.blocked, name)
			if owner == Owner {
				gone = append(gone, name)
			}
		case owner == Owner || owner == "":
			auto = append(auto, c)
		default:
			delete(l.pending, name)
		}
	}
	err = l.release(gone, owners)
	return errors.Join(err, l.claim(auto, Owner), l.claim(byHand, updown.Admin))
}

// release gives up claims of the daemon. Those of the administrator stay, which is
// said once.
func (l *Loop) release(gone []string, owners map[string]string) error {
	var drop []string
	slices.Sort(gone)
	for _, name := range gone {
		switch owners[name] {
		case Owner:
			drop = append(drop, name)
		case updown.Admin:
			if !l.orphans[name] {
				l.orphans[name] = true
				l.Log(Message{Priority: Warning, Conn: name,
					Text: fmt.Sprintf("the conn is not in the configuration any more; it stays up until `ipsecif down %s`", name)})
			}
		}
	}
	if drop == nil {
		return nil
	}
	if _, err := l.Engine.Release(drop); err != nil {
		return fmt.Errorf("giving up what is not in the configuration any more: %w", err)
	}
	for _, name := range drop {
		l.Log(Message{Priority: Notice, Conn: name, Text: "down, as the configuration asks for"})
	}
	return nil
}

// claim claims pending conns for an owner. What cannot be served stays pending.
func (l *Loop) claim(conns []conn.Conn, owner string) error {
	if len(conns) == 0 {
		return nil
	}
	locals, err := l.Engine.Locals(conns)
	if err != nil {
		return err
	}
	here, elsewhere := l.Engine.Local(conns, locals)
	for _, c := range elsewhere { // which an address that comes later may change
		delete(l.blocked, c.Name)
	}
	result, err := l.Engine.Claim(here, owner)
	for _, w := range result.Warnings {
		l.Log(Message{Priority: Warning, Text: w.Text})
	}
	for _, p := range result.Plans {
		for _, text := range p.Notes {
			l.Log(Message{Priority: Notice, Text: text})
		}
	}
	if err != nil {
		return err
	}
	unknown := false
	for _, c := range here {
		if because := result.Blocked[c.Name]; because != nil {
			l.blocked[c.Name] = because
			unknown = unknown || l.lacksName(c)
			continue
		}
		delete(l.pending, c.Name)
		delete(l.blocked, c.Name)
	}
	if unknown && !l.looksUp && l.lookUpAt.IsZero() {
		l.lookUp()
	}
	return nil
}

// lacksName reports whether the address of a host name of a conn is not known.
func (l *Loop) lacksName(c conn.Conn) bool {
	return slices.ContainsFunc(plan.NamesOf(&c), func(n plan.Name) bool { return !l.Engine.Names[n].IsValid() })
}

// lookUp begins to look up the names of pending conns.
func (l *Loop) lookUp() {
	var conns []conn.Conn
	for _, c := range l.pending {
		if l.lacksName(c) {
			conns = append(conns, c)
		}
	}
	l.lookUpAt = time.Time{}
	if conns == nil {
		l.lookUpIn = 0
		return
	}
	l.looksUp = true
	l.lookUpIn = max(firstLookUp, min(2*l.lookUpIn, lastLookUp))
	go func() { l.lookedUp <- l.LookUp(conns) }()
}

// found notes the addresses of names. Those without one are looked up later.
func (l *Loop) found(names plan.Names) {
	l.looksUp = false
	l.Engine.Names = merged(l.Engine.Names, names)
	now := time.Now()
	l.lookUpAt = now.Add(l.lookUpIn)
	if len(names) > 0 {
		l.debounce.Add(now, watch.Names)
	}
}
