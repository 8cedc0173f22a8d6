package lab

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

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
	done := make(chan struct{})
	go func() {
		defer close(done)
		// What comes before the guest has opened its end would be lost, so input waits for the first output, the prompt.
		first := make([]byte, 1)
		if _, err := io.ReadFull(host, first); err != nil {
			return
		}
		go func() { _, _ = io.Copy(host, os.Stdin) }() // ends with the terminal or the guest
		_, _ = io.Copy(o.Stdout, io.MultiReader(bytes.NewReader(first), host))
	}()
	return guest, func() {
		select {
		case <-done: // the guest has ended and everything it wrote has been shown
		case <-time.After(time.Second):
		}
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
