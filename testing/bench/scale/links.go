package main

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/testing/bench/times"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"golang.org/x/sys/unix"
)

// manyLinks is how many are deleted at once.
const manyLinks = 1000

// deletions compares Apply with `ip link del group` on links that every kernel
// has, in a network namespace of its own.
func deletions(rounds int) error {
	runtime.LockOSThread() // for good: the thread is in another namespace
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("making a network namespace: %w", err)
	}
	k, err := kernel.Open()
	if err != nil {
		return err
	}
	defer k.Close()
	var add, del []plan.Op
	for i := range manyLinks {
		for _, s := range []struct {
			line string
			ops  *[]plan.Op
		}{{fmt.Sprintf("ip link add ifb%d type ifb", i+10), &add}, {fmt.Sprintf("ip link del dev ifb%d", i+10), &del}} {
			op, err := plan.ParseOp(s.line)
			if err != nil {
				return err
			}
			*s.ops = append(*s.ops, op)
		}
	}
	quiet := func(plan.Op) {}
	var ours, group times.Times
	for range rounds {
		if err := k.Apply(add, quiet); err != nil {
			return err
		}
		start := time.Now()
		if err := k.Apply(del, quiet); err != nil {
			return err
		}
		ours = append(ours, time.Since(start))
		if err := errors.Join(k.Apply(add, quiet), regroup(del)); err != nil {
			return err
		}
		start = time.Now()
		if out, err := exec.Command("ip", "link", "del", "group", "4711").CombinedOutput(); err != nil {
			return fmt.Errorf("ip link del group: %w: %s", err, out)
		}
		group = append(group, time.Since(start))
	}
	fmt.Printf("deleting %d links: Apply %s, ip link del group %s, ratio %s\n", manyLinks, ours, group, times.Ratio(ours, 1, group, 1))
	return nil
}

// regroup puts the links into a group for ip.
func regroup(del []plan.Op) error {
	var lines strings.Builder
	for _, op := range del {
		name := strings.TrimPrefix(op.String(), "ip link del dev ")
		fmt.Fprintf(&lines, "link set dev %s group 4711\n", name)
	}
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(lines.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip -batch: %w: %s", err, out)
	}
	return nil
}
