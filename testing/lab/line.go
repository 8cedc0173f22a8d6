package lab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The guest's serial lines: frames, and the terminal of a shell.
const (
	lineDevice     = "/dev/ttyS0"
	terminalDevice = "/dev/ttyS1"
)

// openLine opens the line that carries the frames, with every byte passed as it is.
func openLine() (*os.File, error) {
	line, err := os.OpenFile(lineDevice, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	fd := int(line.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag |= unix.CS8 | unix.CLOCAL
	return line, unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// drain waits until the host has read everything.
func drain(line *os.File) {
	if err := unix.IoctlSetInt(int(line.Fd()), unix.TCSBRK, 1); err != nil {
		fmt.Fprintln(os.Stderr, "lab: draining the serial line:", err)
	}
}
