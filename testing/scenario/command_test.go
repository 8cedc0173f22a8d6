package scenario_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every single command of a scenario.
const patience = 30 * time.Second

const secrets = `: PSK "correct-horse-battery-staple"` + "\n"

func args(ts *testscript.TestScript, args []string, least int, usage string) {
	if len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
}

func (s *scenario) make(ts *testscript.TestScript, prefix string, names []string) {
	dir := filepath.Join(s.dir, "logs"+prefix)
	ts.Check(os.MkdirAll(dir, 0o755))
	n, err := hosts.New(dir, names...)
	ts.Check(err)
	s.networks[prefix] = n
}

// network HOST... makes the hosts of the scenario.
func network(ts *testscript.TestScript, _ bool, names []string) {
	args(ts, names, 1, "network HOST...")
	of(ts).make(ts, "", names)
}

// twin HOST... makes a second network with the same names and addresses, whose
// hosts are called twin-HOST.
func twin(ts *testscript.TestScript, _ bool, names []string) {
	args(ts, names, 1, "twin HOST...")
	of(ts).make(ts, "twin-", names)
}

// conf HOST FILE... gives hosts a file of the scenario as /etc/ipsec.conf, and
// the common secret.
func conf(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "conf FILE HOST...")
	data := []byte(ts.ReadFile(words[0]))
	for _, name := range words[1:] {
		h := of(ts).host(name)
		ts.Check(h.WriteFile("/etc/ipsec.conf", data, 0o644))
		ts.Check(h.WriteFile("/etc/ipsec.secrets", []byte(secrets), 0o600))
	}
}

// pluto HOST... starts the IKE daemon.
func pluto(ts *testscript.TestScript, _ bool, names []string) {
	args(ts, names, 1, "pluto HOST...")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, name := range names {
		ts.Check(of(ts).host(name).StartPluto(ctx))
	}
}

// initiate HOST CONN brings the SAs up and fails when they do not come up.
func initiate(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 2, "initiate HOST CONN")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := of(ts).host(words[0]).Whack(ctx, "--initiate", "--name", words[1])
	fmt.Fprint(ts.Stdout(), out)
	verdict(ts, neg, err)
}

// charon SWANCTL-CONF STRONGSWAN-CONF HOST... starts strongSwan and loads the
// conns.
func charon(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 3, "charon SWANCTL-CONF STRONGSWAN-CONF HOST...")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, name := range words[2:] {
		h := of(ts).host(name)
		ts.Check(h.WriteFile("/etc/swanctl/conf.d/scenario.conf", []byte(ts.ReadFile(words[0])), 0o600))
		ts.Check(h.WriteFile("/etc/strongswan.d/scenario.conf", []byte(ts.ReadFile(words[1])), 0o644))
		ts.Check(h.StartCharon(ctx))
		_, err := h.Swanctl(ctx, "--load-all")
		ts.Check(err)
	}
}

// swanctl HOST ARGS... talks to a running charon.
func swanctl(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 2, "swanctl HOST ARGS...")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := of(ts).host(words[0]).Swanctl(ctx, words[1:]...)
	fmt.Fprint(ts.Stdout(), out)
	verdict(ts, neg, err)
}

func verdict(ts *testscript.TestScript, neg bool, err error) {
	switch {
	case neg && err == nil:
		ts.Fatalf("succeeded, and should not have")
	case !neg && err != nil:
		ts.Fatalf("%v", err)
	}
}

// run runs a program on a host; "ipsecif" is the one under test.
func run(ts *testscript.TestScript, words []string) error {
	words = slices.Clone(words)
	if i := slices.Index(words, "ipsecif"); i > 0 {
		words[i] = os.Getenv("IPSECIF_BIN")
	}
	stdout, stderr, err := output(ts, words)
	fmt.Fprint(ts.Stdout(), stdout)
	fmt.Fprint(ts.Stderr(), stderr)
	return err
}

// output runs a program on a host and returns what it prints.
func output(ts *testscript.TestScript, words []string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return of(ts).host(words[0]).Run(ctx, words[1], words[2:]...)
}

// [!] on HOST PROGRAM ARGS... runs a program on a host.
func on(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 2, "on HOST PROGRAM [ARGS...]")
	verdict(ts, neg, run(ts, words))
}

// exits STATUS HOST PROGRAM ARGS... runs a program that ends with a status.
func exits(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 3, "exits STATUS HOST PROGRAM [ARGS...]")
	if got := hosts.ExitCode(run(ts, words[1:])); strconv.Itoa(got) != words[0] {
		ts.Fatalf("exit status %d, want %s", got, words[0])
	}
}

// becomes STATUS HOST PROGRAM ARGS... runs a program until it ends with a status.
func becomes(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 3, "becomes STATUS HOST PROGRAM [ARGS...]")
	const pause = 50 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		got := hosts.ExitCode(run(ts, words[1:]))
		if strconv.Itoa(got) == words[0] {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("exit status %d after %v, want %s", got, patience, words[0])
		}
	}
}

// ipBatch HOST FILE runs a printed plan with the real ip, sysctl and nft: lines
// of one family in a row go to one ip -batch, what is for nft to nft -f.
func ipBatch(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "ipbatch HOST FILE")
	family, batch := "", ""
	flush := func() {
		if batch == "" {
			return
		}
		file := filepath.Join(of(ts).dir, "batch")
		ts.Check(os.WriteFile(file, []byte(batch), 0o600))
		ts.Check(run(ts, append(append([]string{words[0], "ip"}, strings.Fields(family)...), "-batch", file)))
		batch = ""
	}
	for line := range strings.Lines(ts.ReadFile(words[1])) {
		command, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if command == "nft" {
			flush()
			file := filepath.Join(of(ts).dir, "nft")
			ts.Check(os.WriteFile(file, []byte(strings.Trim(rest, "'")+"\n"), 0o600))
			ts.Check(run(ts, []string{words[0], "nft", "-f", file}))
			continue
		}
		if command != "ip" {
			flush()
			ts.Check(run(ts, append([]string{words[0], command}, strings.Fields(rest)...)))
			continue
		}
		f := ""
		if strings.HasPrefix(rest, "-") {
			f, rest, _ = strings.Cut(rest, " ")
		}
		if f != family {
			flush()
			family = f
		}
		batch += rest + "\n"
	}
	flush()
}

// [!] ping HOST SRC DST sends echoes; SRC may be "any".
func ping(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 3, "ping HOST SRC|any DST")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var src netip.Addr
	if words[1] != "any" {
		src = netip.MustParseAddr(words[1])
	}
	verdict(ts, neg, of(ts).host(words[0]).Ping(ctx, src, netip.MustParseAddr(words[2])))
}

// capture SEGMENT starts to record what crosses the wire.
func capture(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 1, "capture SEGMENT")
	c, err := of(ts).networks[""].Capture(words[0])
	ts.Check(err)
	of(ts).capture = c
}

// stop ends the recording that is going on, if any.
func (s *scenario) stop(ts *testscript.TestScript) {
	if s.capture == nil {
		return
	}
	packets, err := s.capture.Stop()
	ts.Check(err)
	s.packets, s.capture = packets, nil
}

// only-esp HOST HOST ends the recording: it must hold ESP, perhaps IKE, and
// nothing else but housekeeping of the segment.
func onlyESP(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "only-esp HOST HOST")
	s := of(ts)
	s.stop(ts)
	ts.Check(s.packets.OnlyESPAndIKE(s.host(words[0]), s.host(words[1])))
}

// [!] seen KIND... ends the recording: it holds packets of every kind, or with
// "!" of none.
func seen(ts *testscript.TestScript, neg bool, words []string) {
	args(ts, words, 1, "seen KIND...")
	s := of(ts)
	s.stop(ts)
	for _, kind := range words {
		if found := s.packets.Count(hosts.Kind(kind)) > 0; found == neg {
			ts.Fatalf("%s: found is %v in\n%s", kind, found, s.packets)
		}
	}
}

// rp_filter HOST VALUE sets the value as an administrator would: for all
// devices there are and for those to come.
func rpFilter(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "rp_filter HOST VALUE")
	ts.Check(of(ts).host(words[0]).Do(func() error {
		files, err := filepath.Glob("/proc/sys/net/ipv4/conf/*/rp_filter")
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := os.WriteFile(f, []byte(words[1]), 0o644); err != nil {
				return err
			}
		}
		return nil
	}))
}
