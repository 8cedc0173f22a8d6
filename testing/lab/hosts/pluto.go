package hosts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	ipsecLibexec = "/usr/libexec/ipsec/"
	nssDir       = "/var/lib/ipsec/nss"
	plutoCtl     = "/run/pluto/pluto.ctl"
)

// daemonTime bounds the start and the stop of a daemon when the caller's context does not.
const daemonTime = 30 * time.Second

// StartPluto starts pluto with the host's /etc/ipsec.conf and /etc/ipsec.secrets, and waits until it answers and has loaded the conns.
// The error includes the end of its log.
func (h *Host) StartPluto(ctx context.Context) error {
	if h.pluto.running() {
		return fmt.Errorf("%s: pluto is running already", h.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	if err := h.placeNSS(ctx); err != nil {
		return err
	}
	p, err := h.Start(ipsecLibexec+"pluto", "--config", "/etc/ipsec.conf", "--nofork", "--stderrlog")
	if err != nil {
		return err
	}
	h.pluto = p
	if err := p.await(ctx, "its control socket", func() (bool, error) { return h.exists(plutoCtl) }); err != nil {
		return h.dropPluto(err)
	}
	err = p.await(ctx, "an answer to whack --status", func() (bool, error) {
		_, err := h.Whack(ctx, "--status")
		return err == nil, err
	})
	if err != nil {
		return h.dropPluto(err)
	}
	// pluto answers while the addconn it started still loads conns.
	if err := p.await(ctx, "addconn --autoall", func() (bool, error) { return !hasChild(p.Pid(), "addconn", "pluto"), nil }); err != nil {
		return h.dropPluto(err)
	}
	return nil
}

// dropPluto ends a pluto that did not come up.
func (h *Host) dropPluto(err error) error {
	err = errors.Join(err, h.pluto.Kill())
	h.pluto = nil
	return err
}

// StopPluto asks pluto to shut down, which makes it remove what it installed, and waits until it is gone.
func (h *Host) StopPluto(ctx context.Context) error {
	if !h.pluto.running() {
		return fmt.Errorf("%s: pluto is not running", h.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	p := h.pluto
	h.pluto = nil
	if _, err := h.Whack(ctx, "--shutdown"); err != nil {
		return errors.Join(err, p.Kill())
	}
	return p.awaitExit(ctx)
}

// Pluto is the last pluto that came up, nil when there was none. Kill it to see what a crash leaves behind; StartPluto then starts another.
func (h *Host) Pluto() *Process { return h.pluto }

// Whack sends a command to the host's pluto and returns what it printed.
func (h *Host) Whack(ctx context.Context, args ...string) (string, error) {
	out, _, err := h.Run(ctx, ipsecLibexec+"whack", args...)
	return out, err
}

// nss is an empty NSS database (file name to content). Making one takes longer than copying, so it is made once for all hosts.
var nss struct {
	sync.Mutex
	files map[string][]byte
}

func (h *Host) placeNSS(ctx context.Context) error {
	if made, err := h.exists(nssDir + "/cert9.db"); made || err != nil {
		return err
	}
	nss.Lock()
	defer nss.Unlock()
	if nss.files == nil {
		if _, _, err := h.Run(ctx, "ipsec", "initnss"); err != nil {
			return err
		}
		files := map[string][]byte{}
		err := h.Do(func() error { return readFolder(nssDir, files) })
		if err == nil {
			nss.files = files
		}
		return err
	}
	var errs []error
	for name, data := range nss.files {
		errs = append(errs, h.WriteFile(filepath.Join(nssDir, name), data, 0o600))
	}
	return errors.Join(errs...)
}

func readFolder(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// exists tells whether a path exists on the host.
func (h *Host) exists(path string) (found bool, err error) {
	err = h.Do(func() error {
		_, err := os.Stat(path)
		found = err == nil
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
	return found, err
}

// hasChild tells whether a process has a child with one of the names; a child between fork and exec still has its parent's.
func hasChild(parent int, names ...string) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return false // only a bad pattern
	}
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		// pid (name) state ppid …, where the name may contain blanks and brackets
		text := string(data)
		open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
		if open < 0 || end < open {
			continue
		}
		fields := strings.Fields(text[end+1:])
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) || fields[0] == "Z" {
			continue
		}
		for _, name := range names {
			if text[open+1:end] == name {
				return true
			}
		}
	}
	return false
}
