// Command daemon measures `ipsecif daemon`: how long it needs until it is ready,
// what it takes while nothing happens, and how soon it repairs what somebody
// breaks. With -networkd it needs the lab's systemd, and the same interfaces are
// brought up by systemd-networkd for comparison. `make bench` starts it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// atOnce is how many conns the daemon brings up where the time counts.
const atOnce = 1000

func main() {
	rounds := flag.Int("n", 5, "`rounds` of what is done with 1,000 conns")
	conns := flag.Int("conns", 10000, "`number` of conns while nothing happens, or beside systemd-networkd")
	networkd := flag.Bool("networkd", false, "beside systemd-networkd, and nothing else")
	flag.Parse()
	err := errors.New("at least 1 round and 1 conn are needed")
	if *rounds > 0 && *conns > 0 {
		err = run(*rounds, *conns, *networkd)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "daemon:", err)
		os.Exit(1)
	}
}

func run(rounds, conns int, networkd bool) (err error) {
	ipsecif := os.Getenv("IPSECIF_BIN")
	if os.Getenv("IPSECIF_LAB") == "" || ipsecif == "" {
		return errors.New("it needs the lab, and IPSECIF_BIN must be the path of ipsecif: run `make bench`")
	}
	dir, err := os.MkdirTemp("", "daemon")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{ipsecif: ipsecif, conf: filepath.Join(dir, "all.conf"), state: filepath.Join(dir, "state"), dir: dir, rounds: rounds}
	if networkd {
		b.on = func(do func() error) error { return do() }
		return b.besideNetworkd(conns)
	}
	network, err := hosts.New(dir, "road")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	b.on = network.Host("road").Do
	for _, part := range []func() error{
		b.ready,
		func() error { return b.repair(100, 25) },
		func() error { return b.repair(atOnce, 4) },
		func() error { return b.idle(conns) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}
