// Command hook measures `ipsecif updown`, whole processes as IKE daemons start
// them, and beside it the scripts that it replaces, with the same environment, on
// one kernel, in one run and in turns. With the lab's mode native the kernel has
// no xfrm interfaces, and tunnels are such as have none. `make bench` starts it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

func main() {
	rounds := flag.Int("n", 30, "`rounds`; each measures everything once")
	conns := flag.Int("conns", 10000, "`number` of conns for many")
	converge := flag.String("converge", "", "`up` or down: bring many conns there, and end")
	flag.Parse()
	err := errors.New("at least 1 round and 200 conns are needed")
	switch {
	case *rounds < 1 || *conns < atOnce:
	case *converge != "":
		err = convergeMany(*converge, flag.Args())
	default:
		err = run(*rounds, *conns)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hook:", err)
		os.Exit(1)
	}
}

func run(rounds, conns int) (err error) {
	if os.Getenv("IPSECIF_LAB") == "" || os.Getenv("IPSECIF_BIN") == "" {
		return errors.New("it needs the lab, and IPSECIF_BIN must be the path of ipsecif: run `make bench`")
	}
	dir, err := os.MkdirTemp("", "hook")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	network, err := hosts.New(dir, "road", "neighbour")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Close()) }()

	b := &bench{dir: dir, ipsecif: os.Getenv("IPSECIF_BIN"), links: os.Getenv("IPSECIF_LAB_MODE") != "native", rounds: rounds, conns: conns}
	b.road = machine{network.Host("road")}
	b.other = machine{network.Host("neighbour")}
	if err := b.header(); err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func() error
	}{{"one roadwarrior", b.roadwarrior}, {"accept rules", b.accept}, {"many at once", b.together}, {"beside many", b.beside}, {"during a large change", b.during}} {
		b.peak = 0
		if err := part.measure(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		if b.peak > 0 {
			fmt.Printf("%s: peak memory of a hook %d MB (this program itself, which forks it, has %d MB)\n", part.name, b.peak>>10, ownPeak()>>10)
		}
	}
	return nil
}

// header says what is measured, and where.
func (b *bench) header() error {
	for _, args := range [][]string{{"uname", "-sr"}, {"ipsec", "--version"}, {b.ipsecif, "version"}} {
		p, err := b.road.run(call{args: args})
		if err != nil {
			return err
		}
		fmt.Print(p.output)
	}
	if b.links {
		fmt.Println("This is User Mode Linux: fork and exec take 10 times as long as elsewhere, a system call 20 times. Only ratios count.")
	} else {
		fmt.Println("This kernel has no xfrm interfaces: the tunnels have none.")
	}
	return nil
}
