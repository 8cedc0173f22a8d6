package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// secrets is long enough for every PRF, or pluto would warn.
const secrets = `: PSK "a long shared secret, good for this demonstration only"` + "\n"

// patience bounds every single command.
const patience = 30 * time.Second

// waitDelay is how long what an ended command left behind may hold its output.
const waitDelay = 2 * time.Second

// stage has the hosts of the story and shows what happens on them. It keeps the
// first error and does nothing after it, so that a story needs no error
// handling of its own.
type stage struct {
	net     *hosts.Network
	ipsecif string // path of the program
	logs    string // folder
	capture *hosts.Capture
	steps   int
	err     error
}

func newStage(names ...string) (*stage, error) {
	if os.Getenv("IPSECIF_LAB") == "" {
		return nil, errors.New("the hosts of the demo live in the lab: run `make demo`")
	}
	s := &stage{ipsecif: os.Getenv("IPSECIF_BIN")}
	if s.ipsecif == "" {
		return nil, errors.New("IPSECIF_BIN must name the ipsecif to show: run `make demo`")
	}
	var err error
	if s.logs, err = os.MkdirTemp("", "demo"); err != nil {
		return nil, err
	}
	if s.net, err = hosts.New(s.logs, names...); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.logs))
	}
	return s, nil
}

// close ends all that runs on the hosts and returns the first error of the story.
func (s *stage) close() error {
	return errors.Join(s.err, s.net.Close(), os.RemoveAll(s.logs))
}

// do calls f unless something has failed before.
func (s *stage) do(f func() error) {
	if s.err == nil {
		s.err = f()
	}
}

func (s *stage) printf(format string, args ...any) {
	if s.err == nil {
		fmt.Printf(format, args...)
	}
}

// tell begins a new step of the story.
func (s *stage) tell(sentence string) {
	s.steps++
	s.printf("\n%d. %s\n", s.steps, sentence)
}

// show prints output indented, without its empty lines.
func (s *stage) show(output string) {
	for line := range strings.Lines(output) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			s.printf("    %s\n", line)
		}
	}
}

// run runs a command on a host and shows it with its output, which must contain
// the texts. The command must succeed.
func (s *stage) run(host, command string, texts ...string) {
	s.exits(0, host, command, texts...)
}

// exits is run for a command that must end with the given status.
func (s *stage) exits(status int, host, command string, texts ...string) {
	s.printf("%s# %s\n", host, command)
	s.do(func() error {
		output, err := s.output(host, command)
		s.show(output)
		if got := hosts.ExitCode(err); got != status {
			return errors.Join(fmt.Errorf("%s: %s: exit status %d instead of %d", host, command, got, status), err)
		}
		for _, text := range texts {
			if !strings.Contains(output, text) {
				return fmt.Errorf("%s: %s: there is no %q in its output", host, command, text)
			}
		}
		return nil
	})
}

// output runs a command and returns what a terminal would show.
func (s *stage) output(host, command string) (string, error) {
	words := strings.Fields(command)
	if words[0] == "ipsecif" {
		words[0] = s.ipsecif
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var both bytes.Buffer
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = &both, &both
	cmd.WaitDelay = waitDelay
	err := s.net.Host(host).Do(cmd.Run)
	return both.String(), err
}

// install writes a file on a host, silently.
func (s *stage) install(host, path, text string, mode fs.FileMode) {
	s.do(func() error { return s.net.Host(host).WriteFile(path, []byte(text), mode) })
}

func (s *stage) startPluto(host string) {
	s.do(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return s.net.Host(host).StartPluto(ctx)
	})
}

// versions names the kernel and the libreswan of the story.
func (s *stage) versions() string {
	var names []string
	for _, command := range []string{"uname -sr", "ipsec --version"} {
		s.do(func() error {
			output, err := s.output("road", command)
			names = append(names, strings.TrimSpace(output))
			return err
		})
	}
	return strings.Join(names, ", ")
}

// pictures are the commands whose output together shows all that could be left
// behind on a host.
var pictures = []string{
	"ip -d -o link show",
	"ip -d -o address show",
	"ip -4 route show table all",
	"ip -6 route show table all",
	"ip -4 rule show",
	"ip -6 rule show",
	`sysctl -a -r net\.ipv4\.conf\..*\.rp_filter`,
}

func (s *stage) snapshot(host string) string {
	var all strings.Builder
	for _, command := range pictures {
		s.do(func() error {
			output, err := s.output(host, command)
			all.WriteString(output)
			return err
		})
	}
	return all.String()
}

// same tells that two snapshots are equal, if they are.
func (s *stage) same(before, after string) {
	s.do(func() error {
		if before != after {
			return fmt.Errorf("something was left behind or lost; before:\n%s\nafter:\n%s", before, after)
		}
		return nil
	})
	s.printf("All as before: links, addresses, routes of every table, rules, rp_filter; IPv4 and IPv6; %d lines compared.\n", strings.Count(before, "\n"))
}
