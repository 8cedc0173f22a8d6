package main

import (
	"errors"
	"io/fs"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/daemon"
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
	repairs, err := daemon.ReadRepairs(stateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return repairs.Conns, err
}
