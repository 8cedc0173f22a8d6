// Package notify tells systemd how the daemon fares, and the journal what it does.
package notify

import (
	"fmt"
	"sync"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// extension is how much more time systemd is asked for when starting or stopping
// takes long; aliveEvery is how often, at most, it hears that work goes on.
const (
	extension  = 30 * time.Second
	aliveEvery = time.Second
)

// Service tells the service manager, as sd_notify(3) has it. Without one it tells
// nobody. It is safe for concurrent use.
type Service struct {
	mu       sync.Mutex
	status   string
	alive    time.Time // when it was told last
	busy     bool      // starting or stopping
	stopping bool
}

// New returns the Service of a process that starts.
func New() *Service { return &Service{busy: true} }

// WatchdogEvery returns how often Alive must be called, 0 for never.
func WatchdogEvery() time.Duration {
	every, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		return 0
	}
	return every / 2
}

// Ready says that the service has started, or that a reload is done.
func (s *Service) Ready(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.status = s.stopping, status
	send("READY=1\nSTATUS=" + status)
}

// Status says in a line how the service fares.
func (s *Service) Status(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status != s.status {
		s.status = status
		send("STATUS=" + status)
	}
}

// Reloading says that the configuration is read again.
func (s *Service) Reloading() { send("RELOADING=1\n" + sd.SdNotifyMonotonicUsec()) }

// Stopping says that the service ends when it has finished what it does.
func (s *Service) Stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.stopping = true, true
	send("STOPPING=1\nSTATUS=finishing what was begun")
}

// Alive says that work goes on. While the service starts or stops, that takes as
// long as it takes.
func (s *Service) Alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.alive) < aliveEvery {
		return
	}
	s.alive = now
	state := "WATCHDOG=1"
	if s.busy {
		state += fmt.Sprintf("\nEXTEND_TIMEOUT_USEC=%d", extension.Microseconds())
	}
	send(state)
}
