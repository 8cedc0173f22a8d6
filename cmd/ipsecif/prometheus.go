package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/metrics"
)

// printMetrics prints the state and what has been counted for its conns. Valid
// says that the configuration has no errors.
func (a *app) printMetrics(e *updown.Engine, s updown.Status, valid bool) error {
	counters, err := e.Counters(s)
	if err != nil {
		return err
	}
	repairs, err := readRepairs(a.stateDir)
	if err != nil {
		a.complain(err)
	}
	_, err = a.out.Write(metrics.Host{Status: s, Counters: counters, Repairs: repairs, Valid: valid}.Text())
	return err
}

// readRepairs returns how often a daemon has repaired something of each conn; nil
// when none has run since the boot.
func readRepairs(stateDir string) (map[string]uint64, error) {
	name := filepath.Join(stateDir, "repairs.json")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	repairs := map[string]uint64{}
	if err == nil {
		err = json.Unmarshal(text, &repairs)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the number of repairs: %s: %w", name, err)
	}
	return repairs, nil
}
