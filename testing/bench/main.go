// Command bench compares ipsecif with the equal `ip -batch` and with
// libreswan's own updown script, on one kernel, in one run and in turns. It runs
// inside the lab; `make bench` starts it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// ipsecConf is a roadwarrior: the most that a single conn asks for.
const ipsecConf = `config setup
	ipsec-interface-managed=no
conn road
	left=192.1.3.209
	leftsubnet=192.0.2.101/32
	leftsourceip=192.0.2.101
	leftupdown=%disabled
	right=192.1.2.23
	rightsubnet=0.0.0.0/0
	rightupdown=%disabled
	authby=secret
	ipsec-interface=1
	auto=add
`

func main() {
	rounds := flag.Int("n", 30, "`rounds`; each measures everything once")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(rounds int) (err error) {
	switch {
	case os.Getenv("IPSECIF_LAB") == "":
		return errors.New("the host to measure on is in the lab: run `make bench`")
	case os.Getenv("IPSECIF_BIN") == "":
		return errors.New("IPSECIF_BIN must name the ipsecif to measure: run `make bench`")
	case rounds < 1:
		return fmt.Errorf("-n %d: want at least one round", rounds)
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	network, err := hosts.New(dir, "road")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Close()) }()

	b := &bench{host: network.Host("road"), ipsecif: os.Getenv("IPSECIF_BIN"), dir: dir}
	if err := b.prepare(); err != nil {
		return fmt.Errorf("before the first round: %w", err)
	}
	var times samples
	for round := range rounds {
		if err := b.round(&times); err != nil {
			return fmt.Errorf("round %d of %d: %w", round+1, rounds, err)
		}
	}
	header, err := b.header(rounds)
	if err != nil {
		return err
	}
	fmt.Print(header)
	return times.report(os.Stdout, batchUp)
}
