package lab

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// relayTerminal connects the terminal on stdin with a new serial line and returns the guest's end. Until restore is called the terminal is raw:
// the guest's own terminal does the echoing and line editing.
func (o *Options) relayTerminal() (guest *os.File, restore func(), err error) {
	stdin := int(os.Stdin.Fd())
	before, err := unix.IoctlGetTermios(stdin, unix.TCGETS)
	if err != nil {
		return nil, nil, fmt.Errorf("stdin is no terminal: %w", err)
	}
	host, guest, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	raw := *before
	raw.Iflag, raw.Oflag, raw.Lflag = 0, 0, 0
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(stdin, unix.TCSETS, &raw); err != nil {
		return nil, nil, err
	}
	// Both ends when the terminal or the guest does; what is typed after that is lost, as with any ended program.
	go func() { _, _ = io.Copy(host, os.Stdin) }()
	go func() { _, _ = io.Copy(o.Stdout, host) }()
	return guest, func() {
		host.Close()
		_ = unix.IoctlSetTermios(stdin, unix.TCSETS, before)
	}, nil
}

// openTerminal opens the guest's terminal with the usual line editing and the size that the host's terminal had.
func openTerminal(size *unix.Winsize) (*os.File, error) {
	tty, err := os.OpenFile(terminalDevice, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return tty, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, size)
}
