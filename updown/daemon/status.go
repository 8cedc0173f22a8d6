package daemon

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/updown"
)

// ConnStatus is how a conn fares, in short; updown.Engine.Status tells more.
type ConnStatus struct {
	Name      string           `json:"name"`
	Owner     string           `json:"owner"` // "" when nobody claims it
	IfID      uint32           `json:"if_id"`
	Condition updown.Condition `json:"condition"`
	Problems  []string         `json:"problems,omitempty"` // of one that is Blocked
	Repairs   uint64           `json:"repairs"`            // since the daemon has started
	Link      string           `json:"link"`               // "" when it is policy-based
	VRF       string           `json:"vrf,omitempty"`
	Netns     string           `json:"netns,omitempty"` // network namespace of the link
	Peer      netip.Addr       `json:"peer,omitzero"`   // of one that is claimed; invalid: any
}

// Status is what the daemon found when it looked last.
type Status struct {
	Ready bool         // it has looked at least once
	Conns []ConnStatus // those that are claimed or are to be, by name
	// Configured has the conns of the configuration, claimed or not: their names and
	// links. It does not change.
	Configured []ConnStatus
	Problems   []string // that concern no single conn, such as errors in the configuration
	// Looks counts how often the daemon has looked, and Took is how long it took
	// the last time.
	Looks uint64
	Took  time.Duration
}

// String says it in one line.
func (s Status) String() string {
	n := map[updown.Condition]int{}
	for _, c := range s.Conns {
		n[c.Condition]++
	}
	parts := []string{plural(n[updown.InSync], "conn") + " in sync"}
	for _, c := range []updown.Condition{updown.Waiting, updown.Drift, updown.Blocked} {
		if n[c] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[c], c))
		}
	}
	line := strings.Join(parts, ", ")
	i := slices.IndexFunc(s.Conns, func(c ConnStatus) bool { return c.Condition == updown.Blocked && len(c.Problems) > 0 })
	switch {
	case len(s.Problems) > 0:
		line += "; " + s.Problems[0]
	case i >= 0:
		line += ": " + s.Conns[i].Name + ": " + s.Conns[i].Problems[0]
	}
	return line
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// equals reports whether two states of conns differ in nothing that somebody may
// wait for.
func equals(a, b Status) bool {
	same := func(x, y ConnStatus) bool {
		return x.Name == y.Name && x.Owner == y.Owner && x.IfID == y.IfID && x.Condition == y.Condition && x.Repairs == y.Repairs &&
			x.Link == y.Link && x.VRF == y.VRF && x.Netns == y.Netns && x.Peer == y.Peer && slices.Equal(x.Problems, y.Problems)
	}
	return a.Ready == b.Ready && slices.Equal(a.Problems, b.Problems) && slices.EqualFunc(a.Conns, b.Conns, same) &&
		slices.EqualFunc(a.Configured, b.Configured, same)
}

// RepairsFile is the name of the file in the state directory that counts repairs.
const RepairsFile = "repairs.json"

// Repairs counts what was repaired since Since, for those who collect numbers.
type Repairs struct {
	Since time.Time         `json:"since"` // the daemon has started
	Conns map[string]uint64 `json:"conns"` // by name of a conn, how often something of it was repaired
}

// ReadRepairs reads the counts of the daemon that runs, or ran last, for a state
// directory. Without one the error is fs.ErrNotExist.
func ReadRepairs(stateDir string) (Repairs, error) {
	var r Repairs
	text, err := os.ReadFile(filepath.Join(stateDir, RepairsFile))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", filepath.Join(stateDir, RepairsFile), err)
	}
	return r, nil
}

// write replaces the file, so that whoever reads it finds all of it.
func (r Repairs) write(stateDir string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := filepath.Join(stateDir, RepairsFile)
	err = os.WriteFile(path+".new", append(text, '\n'), 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// count notes the conns for which something was repaired, each once.
func (r *Repairs) count(repaired []updown.Repaired) {
	once := map[string]bool{}
	for _, one := range repaired {
		for _, name := range one.Conns {
			if one.Drift {
				once[name] = true
			}
		}
	}
	for name := range once {
		r.Conns[name]++
	}
}
