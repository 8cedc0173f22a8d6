package resolver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/updown/dns"
)

// unboundTime limits each call of unbound-control(8), which takes it some
// milliseconds.
const unboundTime = 5 * time.Second

// unbound is the server of the host, told by its control program. What it is
// told lasts until it is started anew.
type unbound struct {
	control string // path of unbound-control
}

// forwards returns for which domains it asks which servers. They are what
// unbound prints: addresses, perhaps with a port, and names.
func (u unbound) forwards(ctx context.Context) (map[dns.Domain][]string, error) {
	out, err := u.run(ctx, "list_forwards")
	if err != nil {
		return nil, err
	}
	return parseForwards(out), nil
}

// parseForwards reads lines such as `example.net. IN forward 10.1.0.53`, in
// which options such as +i may stand before the servers.
func parseForwards(out string) map[dns.Domain][]string {
	forwards := make(map[dns.Domain][]string)
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) < 3 || words[2] != "forward" {
			continue
		}
		if d, err := dns.ParseDomain(words[0]); err == nil {
			forwards[d] = slices.DeleteFunc(words[3:], func(w string) bool { return w[0] == '+' })
		}
	}
	return forwards
}

// ask makes unbound ask these servers for a domain, and none if there are none.
func (u unbound) ask(ctx context.Context, d dns.Domain, servers []netip.Addr) error {
	do := []string{"forward_remove", string(d)}
	if len(servers) > 0 {
		do = append([]string{"forward_add", string(d)}, texts(servers)...)
	}
	// What it knows of the domain, or is asking, is of other servers.
	for _, command := range [][]string{do, {"flush_zone", string(d)}, {"flush_requestlist"}} {
		if _, err := u.run(ctx, command...); err != nil {
			return fmt.Errorf("telling unbound the name servers of %s: %w", d, err)
		}
	}
	return nil
}

// same reports whether the servers that unbound lists, in an order of its own,
// are these.
func same(listed []string, servers []netip.Addr) bool {
	return len(listed) == len(servers) && within(listed, servers)
}

// within reports whether all servers that unbound lists are among these.
func within(listed []string, servers []netip.Addr) bool {
	among := texts(servers)
	return !slices.ContainsFunc(listed, func(l string) bool { return !slices.Contains(among, l) })
}

func texts(servers []netip.Addr) []string {
	words := make([]string, 0, len(servers))
	for _, s := range servers {
		words = append(words, s.String())
	}
	return words
}

// run does a command of unbound-control and returns what it prints.
func (u unbound) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, unboundTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, u.control, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		err = errors.New("no answer in time")
	}
	var status *exec.ExitError
	if text := strings.TrimSpace(stdout.String() + stderr.String()); errors.As(err, &status) && text != "" {
		err = fmt.Errorf("%w: %q", err, text)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", u.control, strings.Join(args, " "), err)
	}
	return stdout.String(), nil
}
