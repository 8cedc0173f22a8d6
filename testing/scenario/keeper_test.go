package scenario_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/rogpeppe/go-internal/testscript"
)

// keeper is a running `ipsecif daemon`.
type keeper struct {
	process *hosts.Process
	notices chan string // what it tells the service manager
}

// keep HOST starts `ipsecif daemon` and waits until it is ready.
func keep(ts *testscript.TestScript, _ bool, names []string) {
	args(ts, names, 1, "keep HOST...")
	s := of(ts)
	for _, name := range names {
		k, err := s.startKeeper(s.host(name), filepath.Join(s.dir, "notify-"+name))
		ts.Check(err)
		s.keepers[name] = k
	}
}

// startKeeper starts a daemon that tells a socket how it fares.
func (s *scenario) startKeeper(h *hosts.Host, socket string) (*keeper, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	p, err := h.Start("env", "NOTIFY_SOCKET="+socket, os.Getenv("IPSECIF_BIN"), "daemon")
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	k := &keeper{p, make(chan string, 1000)}
	go func() {
		for b := make([]byte, 4096); ; {
			n, err := c.Read(b)
			if err != nil {
				close(k.notices)
				return
			}
			k.notices <- string(b[:n])
		}
	}()
	s.sockets = append(s.sockets, c)
	return k, k.hear("READY=1")
}

// hear waits until the daemon tells something.
func (k *keeper) hear(what string) error {
	limit := time.After(patience)
	for {
		select {
		case told := <-k.notices:
			if strings.Contains(told, what) {
				return nil
			}
		case <-limit:
			return errors.New("did not hear " + what + " from the daemon:\n" + k.process.Log())
		}
	}
}

// unkeep [-9] HOST ends the daemon by SIGTERM, or at once.
func unkeep(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 1, "unkeep [-9] HOST")
	s := of(ts)
	k := s.keepers[words[len(words)-1]]
	if words[0] == "-9" {
		ts.Check(k.process.Kill())
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(k.process.Stop(ctx))
	ts.Check(k.hear("STOPPING=1"))
}

// reload HOST has the daemon read the configuration again, and waits for that.
func reload(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 1, "reload HOST")
	k := of(ts).keepers[words[0]]
	ts.Check(syscall.Kill(k.process.Pid(), syscall.SIGHUP))
	ts.Check(k.hear("RELOADING=1"))
	ts.Check(k.hear("READY=1"))
}

// told HOST PATTERN waits until the daemon has logged a line; "!" means that
// there is none now.
func told(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 2, "told HOST PATTERN")
	pattern, err := regexp.Compile("(?m)" + words[1])
	ts.Check(err)
	const pause = 20 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		log := of(ts).keepers[words[0]].process.Log()
		switch found := pattern.MatchString(log); {
		case found && !neg, !found && neg:
			return
		case neg || time.Now().After(deadline):
			ts.Fatalf("%q: found is %v in the log:\n%s", words[1], found, log)
		}
	}
}

// heals HOST PROGRAM ARGS... breaks something, waits until the daemon has noticed
// and repaired it, and prints how long that took.
func heals(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 3, "heals HOST PROGRAM ARGS...")
	k, what := of(ts).keepers[words[0]], strings.Join(words[1:], " ")
	repairs := func() int { return strings.Count(k.process.Log(), "repaired: ") }
	before := repairs()
	ts.Check(run(ts, words))
	begin := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const pause = 5 * time.Millisecond
	for left := ""; ; time.Sleep(pause) {
		noticed := repairs() != before
		if noticed {
			took := time.Since(begin)
			// Its exit status is also about errors in the configuration.
			if left, _, _ = of(ts).host(words[0]).Run(ctx, os.Getenv("IPSECIF_BIN"), "status", "--drift"); left == "" && ctx.Err() == nil {
				ts.Logf("%s: repaired after %v", what, took.Round(time.Millisecond))
				return
			}
		}
		if ctx.Err() != nil {
			ts.Fatalf("%s: noticed is %v, and after %v there is left: %s\n%s", what, noticed, patience, left, k.process.Log())
		}
	}
}
