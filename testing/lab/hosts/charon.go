package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
)

const viciSocket = "/run/charon.vici"

// labConf makes charon log to the file that Start gives it, and keeps swanctl from trying plugins that are not installed.
const labConf = `charon {
	filelog {
		stderr {
			default = 1
			ike_name = yes
		}
	}
}
swanctl {
	load = pem pkcs1 x509 pubkey openssl random
}
`

// StartCharon starts strongSwan's charon and waits until it answers on its vici socket. It has no conns until the test calls Swanctl with --load-all.
// Settings of the test belong in /etc/strongswan.d/charon.conf or another file there. The error includes the end of its log.
func (h *Host) StartCharon(ctx context.Context) error {
	if h.charon.running() {
		return fmt.Errorf("%s: charon is running already", h.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	if err := h.WriteFile("/etc/strongswan.d/lab.conf", []byte(labConf), 0o644); err != nil {
		return err
	}
	p, err := h.Start("/usr/lib/ipsec/charon")
	if err != nil {
		return err
	}
	if err := p.await(ctx, "its vici socket", h.viciAnswers); err != nil {
		return errors.Join(err, p.Kill())
	}
	h.charon = p
	return nil
}

func (h *Host) viciAnswers() (bool, error) {
	err := h.Do(func() error {
		socket, err := net.Dial("unix", viciSocket)
		if err != nil {
			return err
		}
		return socket.Close()
	})
	return err == nil, err
}

// StopCharon ends charon in an orderly way and waits until it is gone.
func (h *Host) StopCharon(ctx context.Context) error {
	if !h.charon.running() {
		return fmt.Errorf("%s: charon is not running", h.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	p := h.charon
	h.charon = nil
	return p.Stop(ctx)
}

// Charon is the last charon that came up, nil when there was none.
func (h *Host) Charon() *Process { return h.charon }

// Swanctl runs swanctl against the host's charon and returns what it printed.
func (h *Host) Swanctl(ctx context.Context, args ...string) (string, error) {
	out, _, err := h.Run(ctx, "swanctl", args...)
	return out, err
}
