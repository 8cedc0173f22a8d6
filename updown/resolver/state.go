package resolver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"

	"github.com/ipsecif/ipsecif/updown/dns"
)

// state is what was asked and told. What resolv.conf has is not in it: the file
// itself tells.
type state struct {
	Up       []dns.Entry            `json:"up"`                 // in the order in which they came up
	Links    map[string]link        `json:"links,omitempty"`    // told to systemd-resolved, by name of the interface
	Forwards map[dns.Domain]forward `json:"forwards,omitempty"` // told to unbound
}

// link is what systemd-resolved was told of an interface.
type link struct {
	Index   int      `json:"index"` // 0 as long as it does not exist
	Told    dns.Link `json:"told"`
	Pending bool     `json:"pending,omitempty"` // telling something else has begun and was not seen to end
}

// forward is what unbound was told of a domain. While something else is told it
// has the servers of both.
type forward struct {
	Servers []netip.Addr `json:"servers"`
	Pending bool         `json:"pending,omitempty"`
}

func (s *state) find(claim string) int {
	return slices.IndexFunc(s.Up, func(e dns.Entry) bool { return e.Claim == claim })
}

// reap drops the entries of claims that are gone, of those that which is true of.
func (s *state) reap(which func(claim string) bool, isUp func(claim string) (bool, error)) error {
	var kept []dns.Entry
	for _, e := range s.Up {
		stays := e.Unclaimed || !which(e.Claim)
		if !stays {
			var err error
			if stays, err = isUp(e.Claim); err != nil {
				return err
			}
		}
		if stays {
			kept = append(kept, e)
		}
	}
	s.Up = kept
	return nil
}

func load(path string) (*state, error) {
	s := &state{Links: make(map[string]link), Forwards: make(map[dns.Domain]forward)}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	for _, e := range s.Up {
		err = errors.Join(err, e.Check())
	}
	if err != nil {
		return nil, fmt.Errorf("reading what resolvers were told: %s: %w", path, err)
	}
	return s, nil
}

// save writes the state as a whole, or takes the file away when there is
// nothing to remember.
func (s *state) save(path string) error {
	if len(s.Up) == 0 && len(s.Links) == 0 && len(s.Forwards) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what resolvers were told: %w", err)
		}
		return nil
	}
	text, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(path+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("writing what resolvers are told: %w", err)
	}
	return nil
}
