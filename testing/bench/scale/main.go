// Command scale measures how the cost of ipsecif grows with the number of
// conns. Inside the lab it compares `up --all` with the same netlink messages
// alone and with a shell loop of ip(8), and `up` of one conn beside few and
// beside many; with -links, which needs no xfrm interfaces, it compares the
// deletion of many links with that of one group. `make bench` starts it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

func main() {
	rounds := flag.Int("n", 5, "`rounds` of each measurement")
	conns := flag.Int("conns", 10000, "`number` of conns for many; a tenth and a hundredth are measured, too")
	links := flag.Bool("links", false, "only the deletion of 1,000 links, of kind ifb")
	flag.Parse()
	err := errors.New("at least 1 round and 1000 conns are needed")
	switch {
	case *rounds < 1 || *conns < 1000:
	case *links:
		err = deletions(*rounds)
	default:
		err = growth(*rounds, *conns)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func growth(rounds, conns int) (err error) {
	ipsecif := os.Getenv("IPSECIF_BIN")
	if os.Getenv("IPSECIF_LAB") == "" || ipsecif == "" {
		return errors.New("it needs the lab, and IPSECIF_BIN must be the path of ipsecif: run `make bench`")
	}
	dir, err := os.MkdirTemp("", "scale")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	network, err := hosts.New(dir, "road")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	g := &gateway{host: network.Host("road"), ipsecif: ipsecif, dir: dir}
	for _, part := range []func(int, int) error{g.all, g.one, g.rules} {
		if err := part(rounds, conns); err != nil {
			return err
		}
	}
	return nil
}

func path(dir, name string) string { return filepath.Join(dir, name) }
