package daemon

import (
	"errors"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/watch"
	"golang.org/x/sys/unix"
)

// large is from how many conns on the memory of a look is given back at once.
const large = 500

// look reads the configuration where that may have changed, claims and gives up
// conns accordingly, and repairs all claims. An error of the first look says that
// none will ever succeed.
func (l *Loop) look(reasons watch.Reason) error {
	begin, used := time.Now(), processor()
	defer func() {
		if !reasons.Has(watch.Start) { // which has everything to do
			l.budget.Spend(time.Now(), processor()-used)
		}
	}()
	l.alive()
	if reasons.Has(watch.Claims) && l.Engine.Store.Missing() {
		clear(l.known) // they are lost: all is claimed anew
		reasons |= watch.Conf
	}
	var gone []string
	if reasons.Has(watch.Start | watch.Conf | watch.Reload | watch.Resync | watch.Lost) {
		if reasons.Has(watch.Reload) {
			l.Service.Reloading()
		}
		gone = l.reload(reasons.Has(watch.Start))
	}
	first := reasons.Has(watch.Start)
	err := l.serve(gone)
	l.alive()
	held, _ := l.fights.Held(begin)
	repair, repairErr := l.Engine.Repair(held)
	if err == nil || repairErr != nil && repairErr.Error() != err.Error() {
		err = errors.Join(err, repairErr)
	}
	now := time.Now()
	if repairErr == nil {
		l.account(now, repair)
	}
	_, l.heldUntil = l.fights.Held(now)
	l.rest(now)
	l.publish(repair, err, now.Sub(begin))
	if first && err != nil && !errors.Is(err, unix.EWOULDBLOCK) { // somebody has the lock for long
		return err
	}
	switch status := l.Status().String(); {
	case first || reasons.Has(watch.Reload):
		l.Service.Ready(status)
	default:
		l.Service.Status(status)
	}
	if len(repair.Claims) > large {
		debug.FreeOSMemory()
	}
	return err
}

// account counts repairs, tells them, and finds fights among them.
func (l *Loop) account(now time.Time, repair updown.Repair) {
	for _, text := range repair.Notes { // the same ones in a fight
		l.say("note "+text, Notice, text)
	}
	if len(repair.Repaired) == 0 {
		return
	}
	l.repairs.count(repair.Repaired)
	if err := l.repairs.write(l.StateDir); err != nil {
		l.say("repairs", Warning, err.Error())
	}
	var tell, fought []updown.Repaired
	for _, r := range causes(repair.Repaired) {
		key := r.Op.Object.Key()
		if !r.Drift {
			tell = append(tell, r)
			continue
		}
		if isNew := l.fights.Repaired(now, key, r.Op.String()); isNew {
			fought = append(fought, r)
		} else if !l.fights.Quiet(key) {
			tell = append(tell, r)
		}
	}
	l.tellRepairs(tell)
	if len(fought) > 0 {
		l.tellFight(fought)
	}
}

// publish makes the Status and tells whoever waits for it.
func (l *Loop) publish(repair updown.Repair, err error, took time.Duration) {
	was := l.Status()
	s := Status{Ready: true, Looks: was.Looks + 1, Took: took, Configured: l.configured}
	for name, because := range l.blocked {
		c := configured(l.pending[name])
		c.Condition, c.Problems = updown.Blocked, because
		s.Conns = append(s.Conns, c)
	}
	for _, c := range repair.Claims {
		if l.blocked[c.Name] == nil {
			s.Conns = append(s.Conns, ConnStatus{
				Name: c.Name, Owner: c.Owner, IfID: uint32(c.IfID), Condition: c.Condition, Problems: c.Problems, Repairs: l.repairs.Conns[c.Name],
				Link: c.Link, VRF: c.VRF, Netns: c.Netns, Peer: c.Peer,
			})
		}
	}
	slices.SortFunc(s.Conns, func(a, b ConnStatus) int { return strings.Compare(a.Name, b.Name) })
	if l.confError != "" {
		s.Problems = strings.Split(l.confError, "\n")
	}
	if err != nil {
		s.Problems = append(s.Problems, strings.Split(err.Error(), "\n")...)
	}
	l.mu.Lock()
	l.status = s
	l.mu.Unlock()
	l.tellBlocked(was, s)
	if l.OnChange != nil && !equals(was, s) {
		l.OnChange(s)
	}
}

// tellBlocked logs which conns have become blocked, or another way, and which are
// not any more.
func (l *Loop) tellBlocked(was, now Status) {
	before := map[string]string{}
	for _, c := range was.Conns {
		if c.Condition == updown.Blocked {
			before[c.Name] = strings.Join(c.Problems, "; ")
		}
	}
	for _, c := range now.Conns {
		text := strings.Join(c.Problems, "; ")
		switch {
		case c.Condition == updown.Blocked && before[c.Name] != text:
			l.Log(Message{Priority: Warning, Conn: c.Name, IfID: c.IfID, Text: "blocked: " + text})
		case c.Condition != updown.Blocked && before[c.Name] != "":
			l.Log(Message{Priority: Notice, Conn: c.Name, IfID: c.IfID, Text: "not blocked any more"})
		}
	}
}
