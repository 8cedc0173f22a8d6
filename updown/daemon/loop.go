package daemon

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/updown/watch"
)

// Owner is the owner of the claims that the daemon makes.
const Owner = "daemon"

// When to look without being told.
const (
	resyncEvery = 5 * time.Minute  // give or take a tenth: other daemons have timers, too
	retryConf   = 10 * time.Second // while the configuration cannot be read, whose directory may be mounted late
	firstLookUp = 5 * time.Second  // for a host name without an address; each pause is twice as long
	lastLookUp  = resyncEvery
)

// Conf is a configuration as a whole.
type Conf struct {
	Conns    []conn.Conn // those with an interface
	Extent   conf.Extent
	Places   conf.Places // where changes show
	Warnings []string
}

// Priority of a message.
type Priority uint8

// The priorities.
const (
	Info Priority = iota
	Notice
	Warning
	Error
)

// Message is a line of the log, with what it is about.
type Message struct {
	Priority Priority
	Text     string
	Conn     string // "" for none or many
	IfID     uint32 // 0 for none
	Op       string // the operation as a command, "" for none
}

// Service is whoever has started the daemon and wants to know how it fares.
type Service interface {
	Ready(status string)
	Status(status string)
	Reloading()
	Alive() // work goes on; called often
}

// Loop is the daemon. All fields above the line must be set, but for those that
// say that nil is allowed.
type Loop struct {
	Engine *updown.Engine // which nobody else uses meanwhile
	// Load reads the configuration. With an error, which joins one for each
	// problem, Places is set all the same.
	Load func() (Conf, error)
	// Watch is told in which places changes of the configuration show.
	Watch func(conf.Places) error
	// LookUp finds the addresses of the host names of conns. It may take its time.
	LookUp  func([]conn.Conn) plan.Names
	Reasons <-chan watch.Reason
	Log     func(Message)
	Service Service
	// Neighbours says who else works on this host.
	Neighbours func() Neighbours
	StateDir   string
	// WatchdogEvery is how often the Service must hear that the loop is alive; 0
	// for never.
	WatchdogEvery time.Duration
	// OnChange is called with a Status that differs from the one before, by the
	// loop; nil for nobody.
	OnChange func(Status)

	// ---

	requests   chan request
	reloads    chan struct{}
	lookedUp   chan plan.Names
	looksUp    bool          // somebody is looking names up
	lookUpIn   time.Duration // the pause before the next time
	lookUpAt   time.Time     // zero for none
	debounce   watch.Debounce
	budget     Budget
	fights     Fights
	known      map[string]uint64    // fingerprints of the conns of the configuration, by name
	configured []ConnStatus         // the conns of the configuration, by name
	pending    map[string]conn.Conn // conns that were not dealt with since they have changed
	blocked    map[string][]string  // why those of them are not up
	compared   bool                 // the claims of an earlier daemon, with the configuration
	orphans    map[string]bool      // claims of the administrator that the configuration does not have, as was said
	dirs       []string             // that are watched for the configuration
	confError  string
	said       map[string]string // the last message of a sort
	resyncAt   time.Time
	heldUntil  time.Time
	repairs    Repairs

	mu     sync.Mutex
	status Status
}

// request is something to be done between two looks.
type request struct {
	do   func(*updown.Engine) error
	done chan<- error
}

// Init makes a Loop ready for use. It must be called before Run and Do.
func (l *Loop) Init() {
	l.requests, l.reloads, l.lookedUp = make(chan request), make(chan struct{}, 1), make(chan plan.Names, 1)
	l.debounce = watch.Debounce{Quiet: watch.Quiet, Limit: watch.Limit}
	l.known, l.pending, l.blocked = map[string]uint64{}, map[string]conn.Conn{}, map[string][]string{}
	l.orphans, l.said = map[string]bool{}, map[string]string{}
	l.repairs = Repairs{Since: time.Now(), Conns: map[string]uint64{}}
	l.Engine.Trace = func(plan.Op) { l.alive() }
}

// Run does the work until the context ends; what it is doing then it brings to an
// end. The error says why it cannot work at all.
func (l *Loop) Run(ctx context.Context) error {
	if err := l.look(watch.Start); err != nil {
		return err
	}
	watchdog := make(<-chan time.Time)
	if l.WatchdogEvery > 0 {
		t := time.NewTicker(l.WatchdogEvery)
		defer t.Stop()
		watchdog = t.C
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(time.Until(l.next()))
		select {
		case <-ctx.Done():
		case r := <-l.Reasons:
			l.debounce.Add(time.Now(), r)
		case <-l.reloads:
			l.debounce.Add(time.Now(), watch.Reload)
		case r := <-l.requests:
			r.done <- r.do(l.Engine)
			l.debounce.Add(time.Now(), watch.Request)
		case names := <-l.lookedUp:
			l.found(names)
		case <-watchdog:
			l.Service.Alive()
		case <-timer.C:
			l.wake(time.Now())
		}
	}
	return nil
}

// next returns the time when there is something to do.
func (l *Loop) next() time.Time {
	next := l.resyncAt
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	sooner(l.heldUntil)
	sooner(l.lookUpAt)
	if due, waits := l.debounce.Due(); waits {
		if ready := l.budget.Ready(time.Now()); ready.After(due) {
			due = ready
		}
		sooner(due)
	}
	return next
}

// wake does what the time has come for.
func (l *Loop) wake(now time.Time) {
	if !l.resyncAt.After(now) {
		l.debounce.Add(now, watch.Resync)
		l.resyncAt = now.Add(resyncEvery) // until the look has been
	}
	if !l.heldUntil.IsZero() && !l.heldUntil.After(now) {
		l.debounce.Add(now, watch.Again)
		l.heldUntil = time.Time{}
	}
	if !l.lookUpAt.IsZero() && !l.lookUpAt.After(now) {
		l.lookUp()
	}
	if due, waits := l.debounce.Due(); !waits || due.After(now) || l.budget.Ready(now).After(now) {
		return
	}
	if err := l.look(l.debounce.Take()); err != nil {
		l.say("look", Error, err.Error())
	} else {
		l.say("look", Info, "")
	}
}

// rest plans the next look without a reason.
func (l *Loop) rest(now time.Time) {
	every := resyncEvery
	if l.confError != "" {
		every = retryConf
	}
	l.resyncAt = now.Add(every - every/10 + rand.N(every/5))
}

// Do has something done by the loop, between two looks, and returns its error, or
// that of the context.
func (l *Loop) Do(ctx context.Context, do func(*updown.Engine) error) error {
	done := make(chan error, 1)
	select {
	case l.requests <- request{do, done}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Status returns what was found last.
func (l *Loop) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// alive tells the Service that work goes on.
func (l *Loop) alive() {
	l.Service.Alive()
}

// say logs a line of a sort, if it is another one than last time; "" for none.
func (l *Loop) say(sort string, p Priority, text string) {
	if l.said[sort] == text {
		return
	}
	l.said[sort] = text
	if text != "" {
		l.Log(Message{Priority: p, Text: text})
	}
}
